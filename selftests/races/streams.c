// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A server of 16 threads on one port, with many connections, both ends of which it has:
 * each sends so many bytes by WSASend(), of random sizes, and receives what the other one
 * sends, by WSARecv(); and at any moment CancelIoEx() and closesocket() come.
 *
 *   each byte that was sent arrives once and in its order,
 *   all of them do, unless somebody has cancelled or closed,
 *   each OVERLAPPED has one packet, which says the same,
 *   nothing is written to it, or to its buffer, after that.
 *
 * STREAM_SECONDS in the environment is for how long, STREAM_CONNECTIONS how many there are
 * at a time.
 */
#include <winsock2.h>
#include <windows.h>

#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "lib/random.h"
#include "lib/sock.h"

#define SECONDS		3
#define IS_CANCELLED	0xc0000120
#define TIMEOUT		3600

enum {
	THREADS = 16,
	/* Operations of an end, in each direction. */
	DEEP = 2,
	RECEIVE_MAX = 1500,
	SEND_MAX = 12000,
	/* Bytes of a stream. */
	TOTAL_MAX = 20000,
	PATTERN = 1 << 20,
	POISON = 0xa5,
	ENTRIES = 8,
};

enum at {
	IS_FREE,
	FLIES,
	/* A receive whose packet has come, before that of an earlier one. */
	WAITS,
};

struct op {
	OVERLAPPED overlapped;
	struct end *end;
	enum at at;
	int sends;
	DWORD size;
	/* What its packet says. */
	DWORD bytes, status;
	char data[RECEIVE_MAX];
};

struct end {
	SOCKET s;
	struct connection *connection;
	/* What it sends: the pattern, from here on; and how much of it was submitted. */
	const char *begins;
	DWORD total, submitted;
	/* What it has received. */
	DWORD received;
	int has_ended, is_shut;
	/* Somebody has cancelled, so a part of what was submitted may be missing. */
	int is_cut;
	struct op send[DEEP], receive[DEEP];
	/* The numbers of the first receive that is under way, and of the next one. */
	unsigned int first, next;
};

/* Of all that changes, under its lock. */
struct connection {
	CRITICAL_SECTION lock;
	struct end end[2];
	/* Operations that are under way. */
	int flying;
	int closes;
};

static struct {
	HANDLE port;
	SOCKET listener;
	struct sockaddr_in address;
	CRITICAL_SECTION connecting;
	struct connection *connections;
	int count;
	char pattern[PATTERN];
	LONG stops, alive, made;
	/* The first thing that was wrong. */
	LONG bad_line;
	long long bad_value;
	/* How often. */
	LONG whole, cut, completed, cancelled, cancels, closes;
	long long bytes;
} all;

static LONG get(const LONG *value)
{
	return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

static LONG add(LONG *value, LONG n)
{
	return __atomic_add_fetch(value, n, __ATOMIC_ACQ_REL);
}

#define CHECK(condition, value)						\
	do {								\
		LONG zero_ = 0;						\
		if (!(condition) &&					\
		    __atomic_compare_exchange_n(&all.bad_line, &zero_, __LINE__, 0,	\
						__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))	\
			all.bad_value = value;				\
	} while (0)

/* --------------------------------------------------------------- operations */

static int is_poisoned(const void *data, size_t len)
{
	const unsigned char *byte = data;

	while (len--) {
		if (*byte++ != POISON)
			return 0;
	}
	return 1;
}

/* It is the program's again: who writes to it from now on is seen. */
static void poison(struct op *op)
{
	memset(&op->overlapped, POISON, sizeof(op->overlapped));
	if (!op->sends)
		memset(op->data, POISON, sizeof(op->data));
	op->at = IS_FREE;
}

static void check_poison(const struct op *op)
{
	CHECK(is_poisoned(&op->overlapped, sizeof(op->overlapped)), op->sends);
	CHECK(op->sends || is_poisoned(op->data, sizeof(op->data)), 0);
}

/* Returns whether there will be a packet. */
static int start(struct op *op, WSABUF *buffer)
{
	struct end *end = op->end;
	DWORD flags = 0;
	int ret;

	check_poison(op);
	memset(&op->overlapped, 0, sizeof(op->overlapped));
	op->size = buffer->len;
	op->at = FLIES;
	end->connection->flying++;
	ret = op->sends ? WSASend(end->s, buffer, 1, NULL, 0, &op->overlapped, NULL) :
			  WSARecv(end->s, buffer, 1, NULL, &flags, &op->overlapped, NULL);
	if (!ret || WSAGetLastError() == WSA_IO_PENDING)
		return 1;
	end->connection->flying--;
	poison(op);
	return 0;
}

static int receive_more(struct end *end, struct random *dice)
{
	while (!end->has_ended && end->next - end->first < DEEP) {
		struct op *op = &end->receive[end->next % DEEP];
		WSABUF buffer = { random_size(dice, RECEIVE_MAX), op->data };

		if (!start(op, &buffer))
			return 0;
		end->next++;
	}
	return 1;
}

static int send_more(struct end *end, struct random *dice)
{
	int i, free = 0;

	for (i = 0; i < DEEP; i++) {
		struct op *op = &end->send[i];
		WSABUF buffer = { random_size(dice, SEND_MAX),
				  (char *)end->begins + end->submitted };

		free += op->at == IS_FREE;
		if (op->at != IS_FREE || end->is_cut || end->submitted == end->total)
			continue;
		if (buffer.len > end->total - end->submitted)
			buffer.len = end->total - end->submitted;
		if (!start(op, &buffer))
			return 0;
		end->submitted += buffer.len;
		free--;
	}
	/* Behind what pends. */
	if (end->submitted == end->total && !end->is_cut && !end->is_shut) {
		end->is_shut = 1;
		return !shutdown(end->s, SD_SEND);
	}
	return !end->is_cut || free < DEEP;
}

/* --------------------------------------------------------------- connections */

static void close_both(struct connection *c)
{
	int i;

	if (c->closes)
		return;
	c->closes = 1;
	for (i = 0; i < 2; i++)
		CHECK(!closesocket(c->end[i].s), WSAGetLastError());
}

/* To many addresses: ports stay for a while when a connection has ended. */
static int make_pair(SOCKET s[2])
{
	struct sockaddr_in to = all.address;
	int ok;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK + add(&all.made, 1) % 1000 * 256);
	EnterCriticalSection(&all.connecting);
	s[0] = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	ok = !connect(s[0], (struct sockaddr *)&to, sizeof(to));
	s[1] = ok ? accept(all.listener, NULL, NULL) : INVALID_SOCKET;
	LeaveCriticalSection(&all.connecting);
	return ok && s[1] != INVALID_SOCKET;
}

/* Under its lock, and nothing of it is under way. */
static void begin(struct connection *c, struct random *dice)
{
	int i, size = 8192;
	SOCKET s[2];

	if (!make_pair(s)) {
		CHECK(0, WSAGetLastError());
		add(&all.alive, -1);
		return;
	}
	c->closes = 0;
	for (i = 0; i < 2; i++) {
		struct end *end = &c->end[i];

		end->s = s[i];
		end->total = random_size(dice, TOTAL_MAX);
		end->begins = all.pattern + random_below(dice, PATTERN - TOTAL_MAX);
		end->submitted = end->received = end->first = end->next = 0;
		end->has_ended = end->is_shut = end->is_cut = 0;
		/* So that sends pend. */
		if (random_below(dice, 2))
			setsockopt(s[i], SOL_SOCKET, SO_SNDBUF, (char *)&size, sizeof(size));
		CHECK(CreateIoCompletionPort((HANDLE)s[i], all.port, (ULONG_PTR)c, 0) == all.port,
		      GetLastError());
	}
}

static void go_on(struct connection *c, struct random *dice)
{
	int i, good = 1;

	for (i = 0; i < 2 && good && !c->closes; i++)
		good = receive_more(&c->end[i], dice) && send_more(&c->end[i], dice);
	if (!good)
		close_both(c);
	if (c->flying || (!c->closes && !(c->end[0].has_ended && c->end[1].has_ended)))
		return;
	/* It is over. */
	add(c->closes ? &all.cut : &all.whole, 1);
	close_both(c);
	if (get(&all.stops) || get(&all.bad_line)) {
		add(&all.alive, -1);
		return;
	}
	begin(c, dice);
	if (!c->closes)
		go_on(c, dice);
}

/* At any moment. */
static void disturb(struct connection *c, struct random *dice)
{
	struct end *end = &c->end[random_below(dice, 2)];
	struct op *op = &end->receive[random_below(dice, DEEP)];

	if (c->closes)
		return;
	switch (random_below(dice, 8)) {
	case 0:
		/* What was sent of it nobody knows. */
		end->is_cut = 1;
		CancelIoEx((HANDLE)end->s, NULL);
		add(&all.cancels, 1);
		break;
	case 1:
		close_both(c);
		add(&all.closes, 1);
		break;
	default:
		/* A receive takes nothing, or ends as if nobody had cancelled. */
		CancelIoEx((HANDLE)end->s, &op->overlapped);
		add(&all.cancels, 1);
	}
}

/* ------------------------------------------------------------------- packets */

/* Receives, in the order of the calls. */
static void look_at_data(struct end *end)
{
	struct end *peer = &end->connection->end[end == end->connection->end];
	struct op *op;

	for (; end->first != end->next; end->first++) {
		op = &end->receive[end->first % DEEP];
		if (op->at != WAITS)
			break;
		CHECK(end->received + op->bytes <= peer->submitted, op->bytes);
		CHECK(!memcmp(op->data, peer->begins + end->received, op->bytes), end->received);
		CHECK(is_poisoned(op->data + op->bytes, sizeof(op->data) - op->bytes), op->bytes);
		CHECK(!op->bytes || !end->has_ended, op->bytes);
		end->received += op->bytes;
		if (!op->status && !op->bytes) {
			CHECK((end->received == peer->total && peer->is_shut) ||
			      peer->is_cut || end->connection->closes, end->received);
			end->has_ended = 1;
		}
		__atomic_add_fetch(&all.bytes, op->bytes, __ATOMIC_RELAXED);
		poison(op);
	}
}

static void handle(const OVERLAPPED_ENTRY *packet, struct random *dice)
{
	struct op *op = CONTAINING_RECORD(packet->lpOverlapped, struct op, overlapped);
	struct connection *c = (struct connection *)packet->lpCompletionKey;
	struct end *end = op->end;

	CHECK(end->connection == c, (long long)packet->lpCompletionKey);
	EnterCriticalSection(&c->lock);
	CHECK(op->at == FLIES, op->at);
	c->flying--;
	op->status = (DWORD)op->overlapped.Internal;
	op->bytes = packet->dwNumberOfBytesTransferred;
	CHECK(op->status == (DWORD)packet->Internal, op->status);
	CHECK(op->bytes == op->overlapped.InternalHigh, op->bytes);
	CHECK(op->bytes <= op->size && (!op->status || !op->bytes), op->bytes);
	CHECK(!op->status || op->status == IS_CANCELLED || c->closes, op->status);
	add(op->status ? &all.cancelled : &all.completed, 1);
	if (op->sends) {
		CHECK(op->status || op->bytes == op->size, op->bytes);
		CHECK(!op->status || end->is_cut || c->closes, op->status);
		poison(op);
	} else {
		op->at = WAITS;
		look_at_data(end);
	}
	if (!random_below(dice, 200))
		disturb(c, dice);
	go_on(c, dice);
	LeaveCriticalSection(&c->lock);
}

static DWORD WINAPI serve(void *arg)
{
	struct random dice = random_start(random_seed((intptr_t)arg));
	OVERLAPPED_ENTRY got[ENTRIES];
	ULONG i, n;

	while (get(&all.alive) > 0) {
		if (!GetQueuedCompletionStatusEx(all.port, got, 1 + random_below(&dice, ENTRIES),
						 &n, 50, FALSE)) {
			CHECK(GetLastError() == WAIT_TIMEOUT, GetLastError());
			continue;
		}
		for (i = 0; i < n; i++)
			handle(&got[i], &dice);
	}
	return 0;
}

/* Beside those who serve. */
static DWORD WINAPI be_a_nuisance(void *arg)
{
	struct random dice = random_start(random_seed((intptr_t)arg));

	while (!get(&all.stops)) {
		struct connection *c = &all.connections[random_below(&dice, all.count)];

		EnterCriticalSection(&c->lock);
		disturb(c, &dice);
		LeaveCriticalSection(&c->lock);
		Sleep(1);
	}
	return 0;
}

/* ---------------------------------------------------------------------------- */

static int from_environment(const char *name, int otherwise)
{
	const char *given = getenv(name);

	return given && *given ? atoi(given) : otherwise;
}

static int set_up(struct random *dice)
{
	int size = sizeof(all.address);
	int i, j, k;

	for (i = 0; i < PATTERN; i++)
		all.pattern[i] = (char)random_next(dice);
	InitializeCriticalSection(&all.connecting);
	all.port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	all.listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	all.address.sin_family = AF_INET;
	if (bind(all.listener, (struct sockaddr *)&all.address, size) ||
	    listen(all.listener, 16) ||
	    getsockname(all.listener, (struct sockaddr *)&all.address, &size))
		return -1;
	all.connections = calloc(all.count, sizeof(*all.connections));
	if (!all.port || !all.connections)
		return -1;
	for (i = 0; i < all.count; i++) {
		struct connection *c = &all.connections[i];

		InitializeCriticalSection(&c->lock);
		for (j = 0; j < 2; j++) {
			c->end[j].connection = c;
			for (k = 0; k < DEEP; k++) {
				c->end[j].send[k].end = c->end[j].receive[k].end = &c->end[j];
				c->end[j].send[k].sends = 1;
				poison(&c->end[j].send[k]);
				poison(&c->end[j].receive[k]);
			}
		}
	}
	return raise_nofile(2 * all.count + 256);
}

static void begin_all(struct random *dice)
{
	int i;

	all.alive = all.count;
	for (i = 0; i < all.count; i++) {
		EnterCriticalSection(&all.connections[i].lock);
		begin(&all.connections[i], dice);
		go_on(&all.connections[i], dice);
		LeaveCriticalSection(&all.connections[i].lock);
	}
}

FIXTURE(streams) {
};

FIXTURE_SETUP(streams)
{
}

FIXTURE_TEARDOWN(streams)
{
}

TEST_F_TIMEOUT(streams, arrive_whole_and_each_operation_ends_once, TIMEOUT)
{
	struct random dice = random_start(random_seed(0));
	HANDLE threads[THREADS + 1];
	WSADATA data;
	intptr_t i;
	int j, k;

	ASSERT_EQ(0, WSAStartup(WINSOCK_VERSION, &data));
	/* Kernels that look for mistakes have no time for more. */
	all.count = from_environment("STREAM_CONNECTIONS", patience() > 4 ? 300 : 1000);
	ASSERT_EQ(0, set_up(&dice));
	begin_all(&dice);
	for (i = 0; i < THREADS; i++)
		threads[i] = CreateThread(NULL, 0, serve, (void *)(i + 1), 0, NULL);
	threads[THREADS] = CreateThread(NULL, 0, be_a_nuisance, (void *)i, 0, NULL);
	for (i = from_environment("STREAM_SECONDS", SECONDS) * 10; i > 0 && !get(&all.bad_line); i--)
		Sleep(100);
	__atomic_store_n(&all.stops, 1, __ATOMIC_RELEASE);
	for (i = 0; i < 10 * COMES / 10 && get(&all.alive) > 0 && !get(&all.bad_line); i++)
		Sleep(10);
	EXPECT_EQ(0, all.bad_line) {
		TH_LOG("line %d: %lld", all.bad_line, all.bad_value);
	}
	EXPECT_EQ(0, all.alive);
	TH_LOG("%d connections at a time: %d whole, %d cut short; %lld bytes; %d operations completed, %d failed; %d cancels, %d closes",
	       all.count, all.whole, all.cut, all.bytes, all.completed, all.cancelled, all.cancels,
	       all.closes);
	ASSERT_TRUE(!all.bad_line && !all.alive);
	for (i = 0; i < THREADS + 1; i++)
		EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(threads[i], COMES));
	for (i = 0; i < all.count; i++) {
		for (j = 0; j < 2; j++) {
			for (k = 0; k < DEEP; k++) {
				check_poison(&all.connections[i].end[j].send[k]);
				check_poison(&all.connections[i].end[j].receive[k]);
			}
		}
	}
	EXPECT_EQ(0, all.bad_line);
	EXPECT_LT(0, all.whole);
	EXPECT_LT(0, all.cut);
	EXPECT_LT(0, all.cancelled);
	EXPECT_TRUE(CloseHandle(all.port));
}

TEST_HARNESS_MAIN
