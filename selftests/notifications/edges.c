// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * EDGE, against a model: thousands of random operations, and after each harvest
 * the question whether what came is what had to come.
 *
 * For IN and OUT on a TCP stream edges are exact: 0 lost, 0 surplus.  Everywhere
 * else none is lost, and one that is surplus has something behind it: an arrival
 * (IN) or a departure (OUT) since the packet before.
 *
 * SEED=number repeats a run; a failure says which, and what was done last.
 */
#include "kselftest_harness.h"

#include "lib/port.h"
#include "lib/random.h"

#define KEY		0x1234

/* Limits that keep all of the memory, and of the window, out of the game. */
#define UNREAD_MAX	6000
#define SENDS_MAX	24

/* How often each test's loop turns. */
#define TCP_OPERATIONS	6000
#define OPERATIONS	3000

static const char *failed(uint64_t seed, const char *what)
{
	static char text[200];

	printf("# SEED=%llu: %s; the last operations:\n",
	       (unsigned long long)seed, what);
	history_print();
	snprintf(text, sizeof(text), "SEED=%llu: %s", (unsigned long long)seed, what);
	return text;
}

/* One harvest that does not wait: the mask, 0 for nothing, -1 for nonsense. */
static int harvest_mask(HANDLE port)
{
	OVERLAPPED_ENTRY got[2];
	UINT32 received = POISON32;
	DWORD ret;

	ret = ProcessSocketNotifications(port, 0, NULL, 0, 2, got, &received);
	if (ret == WAIT_TIMEOUT && received == 0)
		return 0;
	if (ret || received != 1 || got[0].lpCompletionKey != KEY ||
	    got[0].lpOverlapped || got[0].Internal)
		return -1;
	return (int)got[0].dwNumberOfBytesTransferred;
}

/* ----------------------------------------------------------- IN of a stream */

/*
 * The model of a TCP stream that is registered with EDGE and IN.
 *
 * IN holds while at least max(SO_RCVLOWAT, 1) bytes are unread, and rises when
 * bytes arrive that make it hold.  When SO_RCVLOWAT is lowered it rises too, if
 * what was there when the kernel said last that there is something to read (or
 * when EDGE began) did not make it hold already.  The kernel says nothing when
 * SO_RCVLOWAT is raised, so raised and lowered again it gives no edge.
 */
struct stream {
	unsigned int arrived;
	unsigned int told;
	unsigned int read;
	unsigned int lowat;
	unsigned int sends;
	int enabled;
	int pending;
};

static int in_holds(const struct stream *s)
{
	return s->arrived - s->read >= s->lowat;
}

/* The kernel wakes readers: so much had arrived when it did before. */
static void in_wakes(struct stream *s)
{
	if (!in_holds(s))
		return;
	if (s->enabled && !((int)(s->told - s->read) >= (int)s->lowat))
		s->pending = 1;
	s->told = s->arrived;
}

static void in_enable(struct stream *s)
{
	if (s->enabled)
		return;
	s->enabled = 1;
	s->pending = 0;
	s->told = s->arrived;
}

#define FAMILIES_AND_TRIGGERS(fixture)					\
	FAMILY_AND_TRIGGER(fixture, v4, FAM_INET, persistent, T_PERSISTENT) \
	FAMILY_AND_TRIGGER(fixture, v6, FAM_INET6, persistent, T_PERSISTENT) \
	FAMILY_AND_TRIGGER(fixture, v4, FAM_INET, oneshot, T_ONESHOT)	\
	FAMILY_AND_TRIGGER(fixture, v6, FAM_INET6, oneshot, T_ONESHOT)

#define FAMILY_AND_TRIGGER(fixture, name, fam, often_name, often)	\
	FIXTURE_VARIANT_ADD(fixture, name##_##often_name) {		\
		.family = fam, .trigger = T_EDGE | often,		\
	};

FIXTURE(tcp_in) {
	HANDLE port;
	int fd;
	int peer;
	unsigned long expected, lost, surplus;
};

FIXTURE_VARIANT(tcp_in) {
	int family;
	int trigger;
};

FAMILIES_AND_TRIGGERS(tcp_in)

FIXTURE_SETUP(tcp_in)
{
	int fd[2];

	ASSERT_EQ(0, one_processor());
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, tcp_pair(variant->family, fd, 0));
	self->fd = fd[0];
	self->peer = fd[1];
}

FIXTURE_TEARDOWN(tcp_in)
{
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->port));
}

static const char *stream_harvest(FIXTURE_DATA(tcp_in) *self, int oneshot,
				  struct stream *s)
{
	int want = s->enabled && s->pending && in_holds(s) ? EV_IN : 0;
	int got = harvest_mask(self->port);

	history_add("harvest: %#x, expected %#x", got, want);
	self->expected += want == EV_IN;
	self->lost += want && got != want;
	self->surplus += !want && got != want;
	s->pending = 0;
	if (want && oneshot)
		s->enabled = 0;
	return got == want ? NULL : got ? "an edge too many" : "an edge is lost";
}

static const char *stream_operation(FIXTURE_DATA(tcp_in) *self, int trigger,
				    struct stream *s, struct random *r)
{
	static const unsigned int lowats[] = { 1, 1, 1, 2, 5, 20, 100, 300 };
	static char data[UNREAD_MAX];
	unsigned int unread = s->arrived - s->read;
	unsigned int what = random_below(r, 100), size;
	long n;

	if (what < 35) {
		size = random_size(r, 600);
		if (unread + size > UNREAD_MAX || s->sends >= SENDS_MAX)
			return NULL;
		n = sock_send(self->peer, data, size);
		s->arrived += size;
		s->sends++;
		history_add("%u bytes sent, %u unread", size, unread + size);
		if (n != size || !sock_queued(self->fd, unread + size, COMES))
			return "bytes did not arrive";
		in_wakes(s);
	} else if (what < 65) {
		size = random_below(r, 2) ? random_size(r, 600) : UNREAD_MAX;
		n = sock_recv(self->fd, data, size);
		if (n > 0)
			s->read += n;
		if (s->arrived == s->read)
			s->sends = 0;
		history_add("%ld bytes read, %u unread", n, s->arrived - s->read);
	} else if (what < 70) {
		n = sock_peek(self->fd, data, random_size(r, 600));
		history_add("%ld bytes peeked at", n);
	} else if (what < 75) {
		s->lowat = lowats[random_below(r, ARRAY_SIZE(lowats))];
		history_add("SO_RCVLOWAT %u", s->lowat);
		if (sock_lowat(self->fd, s->lowat))
			return "SO_RCVLOWAT was refused";
		in_wakes(s);
	} else if (what < (s->enabled ? 77 : 85)) {
		history_add("ENABLE%s", s->enabled ? " again" : "");
		in_enable(s);
		if (enable(self->port, self->fd, KEY, EV_IN, trigger))
			return "ENABLE failed";
	} else {
		return stream_harvest(self, trigger & T_ONESHOT, s);
	}
	return NULL;
}

static const char *stream_runs(FIXTURE_DATA(tcp_in) *self, int trigger, uint64_t seed)
{
	struct random r = random_start(seed);
	struct stream s = { .lowat = 1 };
	const char *wrong = NULL;
	unsigned int i;

	history_clear();
	for (i = 0; i < TCP_OPERATIONS && !wrong; i++)
		wrong = stream_operation(self, trigger, &s, &r);
	/* The second one finds nothing. */
	if (!wrong)
		wrong = stream_harvest(self, trigger & T_ONESHOT, &s);
	if (!wrong)
		wrong = stream_harvest(self, trigger & T_ONESHOT, &s);
	printf("# SEED=%llu: %u operations, %lu edges, %lu lost, %lu surplus\n",
	       (unsigned long long)seed, i, self->expected, self->lost,
	       self->surplus);
	return wrong ? failed(seed, wrong) : "";
}

TEST_F_TIMEOUT(tcp_in, edges_are_exact, 110)
{
	EXPECT_STREQ("", stream_runs(self, variant->trigger, random_seed(1)));
	EXPECT_EQ(0, self->lost);
	EXPECT_EQ(0, self->surplus);
	/* Otherwise there was little to be seen. */
	EXPECT_LT(TCP_OPERATIONS / 40, self->expected);
}

/* At its end a stream is readable whatever SO_RCVLOWAT says: nothing rises. */
TEST_F(tcp_in, low_water_mark_behind_the_end_is_no_edge)
{
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_NOTHING_NOW(self->port);
	ASSERT_EQ(0, sock_lowat(self->fd, 100));
	EXPECT_NOTHING(self->port);
}

/* The same after the peer's end and ours: the kernel has given up the connection by then. */
TEST_F(tcp_in, low_water_mark_behind_both_ends_is_no_edge)
{
	ASSERT_EQ(4, sock_send(self->peer, "data", 4));
	ASSERT_EQ(0, sock_shutdown(self->fd, 'w'));
	ASSERT_TRUE(tcp_acknowledged(self->fd, COMES));
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	EXPECT_NOTHING_NOW(self->port);
	ASSERT_EQ(0, sock_lowat(self->fd, 2));
	EXPECT_NOTHING(self->port);
}

/*
 * Sequence numbers begin anywhere: a registration that was there before them has
 * nothing to compare with.
 */
FIXTURE(tcp_first) {
	HANDLE port;
};

FIXTURE_VARIANT(tcp_first) {
	int family;
};

FIXTURE_VARIANT_ADD(tcp_first, v4) { .family = FAM_INET, };
FIXTURE_VARIANT_ADD(tcp_first, v6) { .family = FAM_INET6, };

FIXTURE_SETUP(tcp_first)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
}

FIXTURE_TEARDOWN(tcp_first)
{
	EXPECT_TRUE(CloseHandle(self->port));
}

TEST_F(tcp_first, first_bytes_of_a_connection_are_an_edge)
{
	int listener, tcp, fd, peer, i;

	listener = tcp_listen(variant->family, 4, &tcp);
	ASSERT_LE(0, listener);
	for (i = 0; i < 24; i++) {
		fd = any_socket(variant->family, TYPE_STREAM, 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, enable(self->port, fd, KEY, EV_IN, T_EDGE));
		/* connect(2) does not care what kind of socket it is. */
		udp_connect(fd, variant->family, tcp);
		peer = tcp_accept(listener);
		ASSERT_LE(0, peer);
		ASSERT_TRUE(sock_becomes(fd, SEE_OUT, COMES));
		EXPECT_NOTHING_NOW(self->port);
		ASSERT_EQ(4, sock_send(peer, "data", 4));
		EXPECT_PACKETS(self->port, { KEY, EV_IN });
		fd_close(fd);
		sock_reset(peer);
	}
}

/* ---------------------------------------------------------- OUT of a stream */

FIXTURE(tcp_out) {
	HANDLE port;
	int fd;
	int peer;
};

FIXTURE_VARIANT(tcp_out) {
	int family;
	int trigger;
};

FAMILIES_AND_TRIGGERS(tcp_out)

FIXTURE_SETUP(tcp_out)
{
	int fd[2];

	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	ASSERT_EQ(0, tcp_pair(variant->family, fd, 8192));
	self->fd = fd[0];
	self->peer = fd[1];
}

FIXTURE_TEARDOWN(tcp_out)
{
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->port));
}

/* Send in pieces until that would block; how much.  No poll(2): it would arm. */
static long send_until_it_blocks(int fd, struct random *r)
{
	static const char data[4096];
	long total = 0;
	long n;

	do {
		n = sock_send(fd, data, random_size(r, sizeof(data)));
		total += n > 0 ? n : 0;
	} while (n > 0);
	return n == -11 ? total : n; /* EAGAIN */
}

/* Receive exactly so many bytes, in pieces. */
static int receive_all(int fd, long left, struct random *r)
{
	int64_t end = now_ms() + COMES;
	char data[4096];
	long n;

	while (left > 0 && now_ms() < end) {
		n = sock_recv(fd, data, random_size(r, sizeof(data)));
		if (n > 0)
			left -= n;
		else
			sleep_ms(1);
	}
	return left == 0;
}

TEST_F_TIMEOUT(tcp_out, each_full_buffer_gives_one_edge, 110)
{
	uint64_t seed = random_seed(2);
	struct random r = random_start(seed);
	long n;
	int i;

	TH_LOG("SEED=%llu", (unsigned long long)seed);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_OUT, variant->trigger));
	EXPECT_NOTHING(self->port);
	for (i = 0; i < 25; i++) {
		n = send_until_it_blocks(self->fd, &r);
		ASSERT_LT(0, n);
		ASSERT_TRUE(receive_all(self->peer, n, &r));
		ASSERT_PACKETS(self->port, { KEY, EV_OUT });

		/* There is room, and it stays: that is no edge. */
		ASSERT_EQ(1, sock_send(self->fd, "x", 1));
		ASSERT_TRUE(receive_all(self->peer, 1, &r));
		ASSERT_STREQ("", packets_differ(self->port, i % 8 ? 0 : COMES_NOT,
						NULL, 0));
		if (variant->trigger & T_ONESHOT) {
			ASSERT_EQ(0, enable(self->port, self->fd, KEY, EV_OUT,
					    variant->trigger));
			EXPECT_NOTHING_NOW(self->port);
		}
	}
	EXPECT_NOTHING(self->port);
}

/* What is acknowledged makes room, too: it is full if it still is after so long. */
#define ACKNOWLEDGED_MS	250

/*
 * The buffer is too full to be writable, but no send() has failed yet: then it is
 * the module that must have the kernel tell when there is room.
 */
TEST_F(tcp_out, room_is_an_edge_even_if_no_send_has_blocked)
{
	struct random r = random_start(1);
	static const char data[512];
	OVERLAPPED_ENTRY got;
	UINT32 received;
	long total = 0;

	do {
		ASSERT_EQ(512, sock_send(self->fd, data, 512));
		total += 512;
		ASSERT_EQ(0, enable(self->port, self->fd, KEY, EV_OUT,
				    T_LEVEL | T_ONESHOT));
	} while (!ProcessSocketNotifications(self->port, 0, NULL, ACKNOWLEDGED_MS, 1, &got,
					     &received));

	EXPECT_EQ(0, disable(self->port, self->fd));
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_OUT, variant->trigger));
	EXPECT_NOTHING_NOW(self->port);
	ASSERT_TRUE(receive_all(self->peer, total, &r));
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	EXPECT_NOTHING(self->port);
}

/* ------------------------------------------------------------ all the others */

enum kind {
	UDP4,
	UDP6,
	UNIX_STREAM,
	UNIX_DGRAM,
	TCP4_LISTENER,
	TCP6_LISTENER,
	UNIX_LISTENER,
};

static const char listener_name[] = "sockiocp-edges";

FIXTURE(others) {
	HANDLE port;
	int fd;
	int peer;
	int tcp;
};

FIXTURE_VARIANT(others) {
	enum kind kind;
};

FIXTURE_VARIANT_ADD(others, udp4) { .kind = UDP4, };
FIXTURE_VARIANT_ADD(others, udp6) { .kind = UDP6, };
FIXTURE_VARIANT_ADD(others, unix_stream) { .kind = UNIX_STREAM, };
FIXTURE_VARIANT_ADD(others, unix_dgram) { .kind = UNIX_DGRAM, };
FIXTURE_VARIANT_ADD(others, tcp4_listener) { .kind = TCP4_LISTENER, };
FIXTURE_VARIANT_ADD(others, tcp6_listener) { .kind = TCP6_LISTENER, };
FIXTURE_VARIANT_ADD(others, unix_listener) { .kind = UNIX_LISTENER, };

FIXTURE_SETUP(others)
{
	int fd[2] = { -1, -1 };

	ASSERT_EQ(0, one_processor());
	ASSERT_EQ(0, loopback_open());
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	switch (variant->kind) {
	case UDP4:
		ASSERT_EQ(0, udp_pair(FAM_INET, fd));
		break;
	case UDP6:
		ASSERT_EQ(0, udp_pair(FAM_INET6, fd));
		break;
	case UNIX_STREAM:
		ASSERT_EQ(0, unix_pair(TYPE_STREAM, fd));
		break;
	case UNIX_DGRAM:
		ASSERT_EQ(0, unix_pair(TYPE_DGRAM, fd));
		break;
	case TCP4_LISTENER:
		fd[0] = tcp_listen(FAM_INET, 16, &self->tcp);
		break;
	case TCP6_LISTENER:
		fd[0] = tcp_listen(FAM_INET6, 16, &self->tcp);
		break;
	case UNIX_LISTENER:
		fd[0] = unix_listen(listener_name);
		break;
	}
	ASSERT_LE(0, fd[0]);
	self->fd = fd[0];
	self->peer = fd[1];
}

FIXTURE_TEARDOWN(others)
{
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->port));
}

/* How many messages may wait: AF_UNIX' listener has room for four. */
#define WAITING_MAX	4

/*
 * The model: what must be reported, and what may be.  Messages (connections) one
 * after the other, in either direction.  They are told apart by their size, so
 * that a part of one can be read from a stream.
 */
struct messages {
	unsigned int nr;
	unsigned int left[WAITING_MAX];
};

struct other {
	struct messages in, out;
	int clients[WAITING_MAX];
	int full;
	int enabled;
	int must, may;
	unsigned long arrivals, departures, ins, outs, musts;
};

static void append(struct messages *m, unsigned int size)
{
	m->left[m->nr++] = size;
}

static void take_first(struct messages *m)
{
	memmove(m->left, m->left + 1, --m->nr * sizeof(*m->left));
}

static int other_holds(const struct other *o)
{
	return (o->in.nr ? EV_IN : 0) | (o->full ? 0 : EV_OUT);
}

static void other_rises(struct other *o, int may, int must)
{
	if (!o->enabled)
		return;
	o->may |= may;
	o->must |= must;
}

static int is_listener(enum kind kind)
{
	return kind >= TCP4_LISTENER;
}

static int is_unix(enum kind kind)
{
	return kind == UNIX_STREAM || kind == UNIX_DGRAM;
}

static const char *other_arrival(FIXTURE_DATA(others) *self, enum kind kind,
				 struct other *o, struct random *r)
{
	static const char data[600];
	unsigned int size = is_listener(kind) ? 1 : random_size(r, sizeof(data));
	int client;
	long n;

	if (o->in.nr == WAITING_MAX)
		return NULL;
	history_add("arrival of %u", size);
	if (is_listener(kind)) {
		client = kind == UNIX_LISTENER ? unix_connect(listener_name) :
			 tcp_connect(kind == TCP4_LISTENER ? FAM_INET : FAM_INET6,
				     self->tcp);
		if (client < 0)
			return "connecting failed";
		o->clients[o->in.nr] = client;
	} else {
		n = sock_send(self->peer, data, size);
		if (n != size)
			return "sending failed";
	}
	if (!loopback_settle())
		return "the loopback is broken";
	other_rises(o, EV_IN, o->in.nr ? 0 : EV_IN);
	append(&o->in, size);
	o->arrivals++;
	return NULL;
}

static const char *other_read_one(FIXTURE_DATA(others) *self, enum kind kind,
				  struct other *o, struct random *r)
{
	unsigned int size;
	char data[600];
	int fd;
	long n;

	if (is_listener(kind)) {
		history_add("accept");
		fd = tcp_accept(self->fd);
		if (fd < 0)
			return "accept failed";
		/* No TIME_WAIT is left. */
		sock_reset(fd);
		fd_close(o->clients[0]);
		memmove(o->clients, o->clients + 1, sizeof(int) * (WAITING_MAX - 1));
		take_first(&o->in);
		return loopback_settle() ? NULL : "the loopback is broken";
	}
	size = o->in.left[0];
	if (kind == UNIX_STREAM)
		size = random_below(r, 2) ? size : random_size(r, size);
	history_add("read of %u", size);
	n = sock_recv(self->fd, data, size);
	if (n != size)
		return "reading failed";
	o->in.left[0] -= size;
	if (!o->in.left[0])
		take_first(&o->in);
	return NULL;
}

static const char *other_read(FIXTURE_DATA(others) *self, enum kind kind,
			      struct other *o, struct random *r, int all)
{
	const char *wrong = NULL;

	while (!wrong && o->in.nr) {
		wrong = other_read_one(self, kind, o, r);
		if (!all)
			break;
	}
	return wrong;
}

static const char *other_send(FIXTURE_DATA(others) *self, enum kind kind,
			      struct other *o, struct random *r)
{
	static const char data[16384];
	unsigned int size = random_size(r, 600);
	long n;

	if (is_listener(kind) || o->full || o->out.nr == WAITING_MAX)
		return NULL;
	if (is_unix(kind) && !random_below(r, 8)) {
		history_add("send until it blocks");
		do {
			n = sock_send(self->fd, data, sizeof(data));
		} while (n > 0);
		o->full = 1;
		return n == -11 ? NULL : "sending failed"; /* EAGAIN */
	}
	history_add("send of %u", size);
	n = sock_send(self->fd, data, size);
	if (n != size)
		return "sending failed";
	if (is_unix(kind)) {
		append(&o->out, size);
	} else {
		/* Sent is departed. */
		if (!loopback_settle())
			return "the loopback is broken";
		sock_drain(self->peer);
		o->departures++;
		other_rises(o, EV_OUT, 0);
	}
	return NULL;
}

/* AF_UNIX keeps what the peer has not read, as the sender's. */
static const char *other_departure(FIXTURE_DATA(others) *self, enum kind kind,
				   struct other *o, struct random *r)
{
	unsigned int size;
	char data[600];

	if (o->full) {
		history_add("peer reads all");
		if (sock_drain(self->peer) <= 0)
			return "the peer had nothing to read";
		o->full = o->out.nr = 0;
		o->departures++;
		other_rises(o, EV_OUT, EV_OUT);
		return NULL;
	}
	if (!o->out.nr)
		return NULL;
	size = o->out.left[0];
	if (kind == UNIX_STREAM)
		size = random_below(r, 2) ? size : random_size(r, size);
	history_add("peer reads %u", size);
	if (sock_recv(self->peer, data, size) != size)
		return "the peer cannot read";
	o->out.left[0] -= size;
	if (!o->out.left[0]) {
		take_first(&o->out);
		o->departures++;
		other_rises(o, EV_OUT, 0);
	}
	return NULL;
}

static const char *other_harvest(FIXTURE_DATA(others) *self, int trigger,
				 struct other *o)
{
	int holds = other_holds(o);
	int must = o->must & holds, may = o->may & holds;
	int got = harvest_mask(self->port);

	history_add("harvest: %#x, must %#x, may %#x", got, must, may);
	o->ins += got == -1 ? 0 : got & EV_IN;
	o->outs += got == -1 ? 0 : !!(got & EV_OUT);
	o->musts += !!must;
	o->must = o->may = 0;
	if (got > 0 && trigger & T_ONESHOT)
		o->enabled = 0;
	if (got < 0 || got & ~may)
		return "an edge without an arrival or departure";
	return must & ~got ? "an edge is lost" : NULL;
}

static const char *other_operation(FIXTURE_DATA(others) *self, enum kind kind,
				   int trigger, struct other *o, struct random *r)
{
	unsigned int what = random_below(r, 100);

	if (what < 25)
		return other_arrival(self, kind, o, r);
	if (what < 45)
		return other_read(self, kind, o, r, random_below(r, 2));
	if (what < 55)
		return other_send(self, kind, o, r);
	if (what < 65)
		return other_departure(self, kind, o, r);
	if (what < (o->enabled ? 67 : 80)) {
		history_add("ENABLE%s", o->enabled ? " again" : "");
		o->enabled = 1;
		return enable(self->port, self->fd, KEY,
			      is_listener(kind) ? EV_IN : EV_ALL, trigger) ?
			"ENABLE failed" : NULL;
	}
	return other_harvest(self, trigger, o);
}

static const char *other_runs(FIXTURE_DATA(others) *self, enum kind kind,
			      int trigger, uint64_t seed)
{
	struct random r = random_start(seed);
	struct other o = { 0 };
	const char *wrong = NULL;
	unsigned int i;

	history_clear();
	for (i = 0; i < OPERATIONS && !wrong; i++)
		wrong = other_operation(self, kind, trigger, &o, &r);
	if (!wrong)
		wrong = other_harvest(self, trigger, &o);
	printf("# SEED=%llu: %u operations, %lu edges that must be; ",
	       (unsigned long long)seed, i, o.musts);
	printf("%lu IN for %lu arrivals, %lu OUT for %lu departures\n", o.ins,
	       o.arrivals, o.outs, o.departures);
	if (!wrong && (o.ins > o.arrivals || o.outs > o.departures))
		wrong = "more edges than arrivals and departures";
	if (!wrong && o.musts < OPERATIONS / 60)
		wrong = "a test that tests little";
	return wrong ? failed(seed, wrong) : "";
}

TEST_F_TIMEOUT(others, persistent_edges_are_never_lost, 110)
{
	EXPECT_STREQ("", other_runs(self, variant->kind, T_EDGE | T_PERSISTENT,
				    random_seed(3)));
}

TEST_F_TIMEOUT(others, oneshot_edges_are_never_lost, 110)
{
	EXPECT_STREQ("", other_runs(self, variant->kind, T_EDGE | T_ONESHOT,
				    random_seed(4)));
}

TEST_HARNESS_MAIN
