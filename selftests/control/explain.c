// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * sockiocpctl explain: each stall is staged, named, and proved; and where nothing is wrong
 * nothing is said to be.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/device.h"
#include "lib/operation.h"
#include "lib/random.h"
#include "lib/sock.h"
#include "lib/task.h"
#include "lib/tool.h"

#define IN	SOCKIOCP_REGISTER_IN
#define HANGUP	SOCKIOCP_REGISTER_HANGUP
#define ENABLE	SOCKIOCP_OP_ENABLE
#define DISABLE	SOCKIOCP_OP_DISABLE
#define LEVEL	SOCKIOCP_TRIGGER_LEVEL
#define ONCE	(SOCKIOCP_TRIGGER_LEVEL | SOCKIOCP_TRIGGER_ONESHOT)
#define USER	54325

FIXTURE(explain) {
	int port;
	unsigned int id;
	int fd[2];
	char said[16 * 1024];
	char want[256];
};

FIXTURE_SETUP(explain)
{
	ASSERT_EQ(0, access(tool_program(), X_OK));
	self->port = device_open();
	ASSERT_LE(0, self->port);
	self->id = fdinfo_value(self->port, "id");
	ASSERT_EQ(0, tcp_pair(FAM_INET, self->fd, 0));
}

FIXTURE_TEARDOWN(explain)
{
	close(self->port);
}

#define EXPLAIN() tool_run(self->said, sizeof(self->said), "explain %u", self->id)

#define EXPECT_SAID(text)						\
	EXPECT_NE(NULL, strstr(self->said, text)) {			\
		TH_LOG("not there: %s", text);				\
		TH_LOG("%s", self->said);				\
	}

/* All that it says. */
#define EXPECT_ONLY_SAID(text)						\
	do {								\
		snprintf(self->want, sizeof(self->want), "Port %u: %s\n", self->id, text);\
		EXPECT_STREQ(self->want, self->said);			\
	} while (0)

#define EXPECT_ONE_FINDING()						\
	EXPECT_EQ(NULL, strstr(self->said, "And: ")) {			\
		TH_LOG("%s", self->said);				\
	}

/* A thread that takes a packet, and what it does then. */
struct worker {
	struct block block;
	int port, tid, spins, is_over;
	pthread_t thread;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	__u64 key;

	device_harvest(w->port, UINT64_MAX, &key, 1);
	__atomic_store_n(&w->tid, thread_id(), __ATOMIC_RELEASE);
	if (!w->spins)
		block_here(&w->block);
	while (!__atomic_load_n(&w->is_over, __ATOMIC_ACQUIRE))
		;
	return NULL;
}

/* It does that when this returns: a blocked one is so for the port, too. */
static int worker_start(struct worker *w, unsigned int id)
{
	char said[4096];
	int64_t end = now_ms() + COMES;

	if (block_init(&w->block, BLOCK_PIPE) || device_post(w->port, 1) ||
	    pthread_create(&w->thread, NULL, work, w))
		return -1;
	while (!__atomic_load_n(&w->tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	if (w->spins)
		return 0;
	do
		tool_run(said, sizeof(said), "-j workers %u", id);
	while (!strstr(said, "\"blocked\"") && now_ms() < end);
	return strstr(said, "\"blocked\"") ? 0 : -1;
}

static void worker_end(struct worker *w)
{
	__atomic_store_n(&w->is_over, 1, __ATOMIC_RELEASE);
	block_end(&w->block);
	pthread_join(w->thread, NULL);
}

/* ------------------------------------------------------------------ nothing is wrong */

TEST_F(explain, port_that_waits_needs_no_explanation)
{
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, LEVEL));
	EXPECT_EQ(0, EXPLAIN());
	EXPECT_ONLY_SAID("nothing to explain: it waits for 1 socket");
	ASSERT_EQ(0, device_apply(self->port, self->fd[1], 2, IN, ENABLE, LEVEL));
	ASSERT_EQ(0, device_apply(self->port, self->fd[1], 2, IN, DISABLE, LEVEL));
	EXPECT_EQ(0, EXPLAIN());
	EXPECT_ONLY_SAID("nothing to explain: it waits for 1 socket; 1 more is disabled");
}

TEST_F(explain, silent_peer_is_waited_for)
{
	struct overlapped o;
	char byte;

	ASSERT_EQ(1, operation_receive(self->port, self->fd[0], &o, &byte, 1));
	EXPECT_EQ(0, EXPLAIN());
	EXPECT_ONLY_SAID("nothing to explain: it waits for 0 sockets, and for the peers of 1 "
			 "operation, which are silent");
}

struct load {
	int port, fd[8][2], is_over, failed;
};

/* An echo server: one-shot, enabled again by the call that harvests. */
static void *serve(void *arg)
{
	struct sockiocp_packet_entry got[8];
	struct sockiocp_registration_entry reg[8];
	struct load *l = arg;
	struct sockiocp_process p;
	__u32 received = 0, i;
	char data[64];
	long n;

	while (!__atomic_load_n(&l->is_over, __ATOMIC_RELAXED)) {
		for (i = 0; i < received; i++)
			reg[i] = device_entry(got[i].completion_key, got[i].completion_key, IN,
					      ENABLE, ONCE);
		p = device_process(l->port, received ? reg : NULL, received, got, 8, &received, 100000000);
		device_wait(l->port, &p);
		for (i = 0; i < received; i++) {
			n = sock_recv(got[i].completion_key, data, sizeof(data));
			if (n > 0)
				l->failed |= sock_send(got[i].completion_key, data, n) != n;
		}
	}
	return NULL;
}

static void *ask_for_echo(void *arg)
{
	struct load *l = arg;
	char data[64] = "";
	int i;

	while (!__atomic_load_n(&l->is_over, __ATOMIC_RELAXED)) {
		for (i = 0; i < 8; i++)
			l->failed |= sock_send(l->fd[i][1], data, 20) != 20;
		for (i = 0; i < 8; i++)
			while (sock_recv(l->fd[i][1], data, 20) <= 0 &&
			       !__atomic_load_n(&l->is_over, __ATOMIC_RELAXED))
				sock_becomes(l->fd[i][1], SEE_IN, 100);
	}
	return NULL;
}

/* A hundred explanations, which take a while each: some at a time. */
#define ASKERS	5
/* Kernels that look for mistakes are slow, and see them the first time. */
#define TIMES	(patience() > 1 ? 4 : 20)

struct asker {
	unsigned int id;
	pthread_t thread;
	int calm;
	/* What was said last; of what is wrong, if anything is. */
	char said[4096];
};

static void *ask_again_and_again(void *arg)
{
	struct asker *asker = arg;
	int i;

	for (i = 0; i < TIMES && asker->calm == i; i++)
		asker->calm += !tool_run(asker->said, sizeof(asker->said), "explain %u",
					 asker->id) &&
			       strstr(asker->said, "nothing to explain: it delivered ");
	return NULL;
}

TEST_F(explain, busy_server_needs_no_explanation)
{
	struct load l = { .port = self->port };
	struct asker asker[ASKERS];
	pthread_t server, client;
	int i;

	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, tcp_pair(FAM_INET, l.fd[i], 0));
		ASSERT_EQ(0, device_apply(l.port, l.fd[i][0], l.fd[i][0], IN, ENABLE, ONCE));
	}
	ASSERT_EQ(0, pthread_create(&server, NULL, serve, &l));
	ASSERT_EQ(0, pthread_create(&client, NULL, ask_for_echo, &l));
	for (i = 0; i < ASKERS; i++) {
		asker[i] = (struct asker) { .id = self->id };
		ASSERT_EQ(0, pthread_create(&asker[i].thread, NULL, ask_again_and_again, &asker[i]));
	}
	for (i = 0; i < ASKERS; i++) {
		pthread_join(asker[i].thread, NULL);
		EXPECT_EQ(TIMES, asker[i].calm) {
			TH_LOG("%s", asker[i].said);
		}
	}
	EXPECT_EQ(0, l.failed);
	__atomic_store_n(&l.is_over, 1, __ATOMIC_RELAXED);
	pthread_join(server, NULL);
	pthread_join(client, NULL);
}

/* --------------------------------------------------------------------- the stalls */

TEST_F(explain, packets_that_nobody_asks_for)
{
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, device_post(self->port, i));
	EXPECT_EQ(1, EXPLAIN());
	EXPECT_ONLY_SAID("3 packets are queued, and no thread asks for packets: none is "
			 "associated with it");
}

/* 5.10 does not say it of each thread, whoever asks. */
static int kernel_tells_where(int tid)
{
	char path[64], where[64] = "";
	int fd, n;

	snprintf(path, sizeof(path), "/proc/self/task/%d/wchan", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : (int)read(fd, where, sizeof(where) - 1);
	fd_close(fd);
	return n > 0 && strcmp(where, "0");
}

TEST_F(explain, threads_that_are_blocked_and_where)
{
	struct worker w = { .port = self->port };

	ASSERT_EQ(0, port_configure(self->port, 8));
	ASSERT_EQ(0, worker_start(&w, self->id));
	ASSERT_EQ(0, device_post(self->port, 2));
	EXPECT_EQ(1, EXPLAIN());
	EXPECT_SAID(": 1 packet is queued, and nobody waits; threads that are blocked: 1, that run: 0\n");
	EXPECT_ONE_FINDING();
	if (geteuid() || !kernel_tells_where(w.tid)) {
		snprintf(self->want, sizeof(self->want),
			 "    explain, thread %d: it sleeps; where, the kernel does not tell you\n",
			 w.tid);
		EXPECT_SAID(self->want);
	} else {
		snprintf(self->want, sizeof(self->want), "    explain, thread %d: it sleeps in ",
			 w.tid);
		EXPECT_SAID(self->want);
		EXPECT_SAID("pipe_read()");
	}
	worker_end(&w);
}

TEST_F(explain, threads_that_take_all_slots)
{
	struct worker w = { .port = self->port, .spins = 1 };
	struct blocked waiting = { .port = self->port };
	struct sockiocp_packet_entry got;
	__u32 received;

	ASSERT_EQ(0, port_configure(self->port, 1));
	ASSERT_EQ(0, worker_start(&w, self->id));
	waiting.p = device_process(self->port, NULL, 0, &got, 1, &received, UINT64_MAX);
	ASSERT_EQ(1, blocked_start(&waiting));
	ASSERT_EQ(0, device_post(self->port, 2));
	EXPECT_EQ(1, EXPLAIN());
	EXPECT_SAID(": 1 packet is queued, and as many threads run as may (1); waiting: 1\n");
	snprintf(self->want, sizeof(self->want), "    explain, thread %d: it runs\n", w.tid);
	EXPECT_SAID(self->want);
	EXPECT_ONE_FINDING();
	worker_end(&w);
	pthread_join(waiting.thread, NULL);
}

TEST_F(explain, registration_that_was_not_enabled_again)
{
	struct stat st;
	__u64 key;

	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, ONCE));
	ASSERT_EQ(5, sock_send(self->fd[1], "hello", 5));
	ASSERT_EQ(1, device_harvest(self->port, UINT64_MAX, &key, 1));
	ASSERT_EQ(0, fstat(self->fd[0], &st));
	EXPECT_EQ(1, EXPLAIN());
	EXPECT_SAID(": 1 registration was delivered or disabled, and not enabled again, while "
		    "there is something to read\n");
	snprintf(self->want, sizeof(self->want), "    socket %lu, 127.0.0.1:",
		 (unsigned long)st.st_ino);
	EXPECT_SAID(self->want);
	EXPECT_SAID(": 5 bytes\n");
	EXPECT_ONE_FINDING();
	/* Enabled, it is queued, and that is another matter; this thread waits for the tool. */
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, ONCE));
	EXPECT_EQ(1, EXPLAIN());
	EXPECT_SAID(": 1 packet is queued, and nobody waits; threads that are blocked: 1, that run: 0");
	EXPECT_ONE_FINDING();
	ASSERT_EQ(1, device_harvest(self->port, UINT64_MAX, &key, 1));
	/* What is not there to be read is not missed; nor what it did not ask for. */
	ASSERT_EQ(5, sock_drain(self->fd[0]));
	EXPECT_EQ(0, EXPLAIN());
	ASSERT_EQ(0, sock_shutdown(self->fd[1], 'w'));
	ASSERT_TRUE(sock_becomes(self->fd[0], SEE_IN, COMES));
	EXPECT_EQ(0, EXPLAIN());
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, HANGUP, ENABLE, ONCE));
	ASSERT_EQ(1, device_harvest(self->port, UINT64_MAX, &key, 1));
	EXPECT_EQ(1, EXPLAIN());
	EXPECT_SAID(": the peer has closed it\n");
}

TEST_F(explain, user_who_is_at_a_limit)
{
	long long registrations = param_get("max_user_registrations");
	int port;

	if (geteuid())
		SKIP(return, "only root can set a limit");
	ASSERT_EQ(0, setresuid(USER, -1, -1));
	port = device_open();
	ASSERT_EQ(0, setresuid(0, -1, -1));
	self->id = fdinfo_value(port, "id");
	EXPECT_EQ(0, param_set("max_user_registrations", 1));
	EXPECT_EQ(0, device_apply(port, self->fd[0], 1, IN, ENABLE, LEVEL));
	EXPECT_EQ(0, EXPLAIN());
	EXPECT_EQ(SOCKIOCP_RESULT_LIMIT, device_apply(port, self->fd[1], 1, IN, ENABLE, LEVEL));
	EXPECT_EQ(1, EXPLAIN());
	EXPECT_EQ(0, param_set("max_user_registrations", registrations));
	EXPECT_SAID(": user 54325 is at a limit, and was refused more 1 time\n"
		    "    he holds 1 of 1 registrations\n");
	EXPECT_ONE_FINDING();
	/* He is not at it any more. */
	EXPECT_EQ(0, EXPLAIN());
	close(port);
}

TEST_F(explain, peer_that_does_not_read)
{
	static char data[65536];
	struct overlapped o;
	int fd[2];

	ASSERT_EQ(0, small_pair(fd));
	ASSERT_LT(0, sock_fill(fd[0]));
	ASSERT_EQ(1, operation_send(self->port, fd[0], &o, data, sizeof(data)));
	/* What is on its way arrives. */
	sleep_ms(A_WHILE);
	EXPECT_EQ(1, EXPLAIN());
	EXPECT_SAID(": 1 socket of its process has something to send that the peer does not take, "
		    "while 1 operation pends\n");
	EXPECT_SAID(" bytes are not taken");
	EXPECT_ONE_FINDING();
}

TEST_F(explain, port_that_was_closed)
{
	ASSERT_EQ(0, device_call(self->port, SOCKIOCP_CLOSE, NULL));
	EXPECT_EQ(1, EXPLAIN());
	EXPECT_SAID("it was closed: nobody gets packets from it any more");
	EXPECT_ONE_FINDING();
}

/* ----------------------------------------------------- several stalls, and what is none */

enum { FORGOTTEN = 1, SPINS = 2, BLOCKS = 4, LIMIT = 8, PEER = 16, STALLS = 32 };

/* What explain says of each. */
static const char *const reasons[] = { "forgotten", "slots", "blocked", "limit", "peer" };

struct staged {
	int port;
	unsigned int id;
	/* Sockets that are enabled, forgotten, disabled, waited for, and not read. */
	int enabled[2], forgotten[2], disabled[2], silent[2], unread[2];
	struct worker spins, blocks;
	struct overlapped receives, sends;
	char byte, data[65536];
};

/* A thread that ends is not one of the port's that are blocked later. */
static void *take_packets(void *port)
{
	__u64 keys[8];

	return (void *)(long)device_harvest((int)(long)port, UINT64_MAX, keys, 8);
}

static int take_in_thread(int port)
{
	pthread_t thread;
	void *got = NULL;

	if (pthread_create(&thread, NULL, take_packets, (void *)(long)port))
		return -1;
	pthread_join(thread, &got);
	return (long)got;
}

/* What a server may have without being stalled. */
static int stage_calm(struct staged *s)
{
	return tcp_pair(FAM_INET, s->enabled, 0) || tcp_pair(FAM_INET, s->disabled, 0) ||
	       tcp_pair(FAM_INET, s->silent, 0) ||
	       device_apply(s->port, s->enabled[0], 1, IN, ENABLE, LEVEL) ||
	       device_apply(s->port, s->disabled[0], 2, HANGUP, ENABLE, LEVEL) ||
	       device_apply(s->port, s->disabled[0], 2, HANGUP, DISABLE, LEVEL) ||
	       sock_send(s->disabled[1], "x", 1) != 1 ||
	       operation_receive(s->port, s->silent[0], &s->receives, &s->byte, 1) != 1 ||
	       device_post(s->port, 3) || take_in_thread(s->port) != 1;
}

static int stage_forgotten(struct staged *s)
{
	return tcp_pair(FAM_INET, s->forgotten, 0) ||
	       device_apply(s->port, s->forgotten[0], 4, IN, ENABLE, ONCE) ||
	       sock_send(s->forgotten[1], "hello", 5) != 5 || take_in_thread(s->port) != 1;
}

/* Who spins comes last: nobody else is to get a packet then. */
static int stage_threads(struct staged *s, unsigned int stalls)
{
	s->blocks.port = s->spins.port = s->port;
	s->spins.spins = 1;
	return port_configure(s->port, stalls & SPINS ? 1 : 8) ||
	       (stalls & BLOCKS && worker_start(&s->blocks, s->id)) ||
	       (stalls & SPINS && worker_start(&s->spins, s->id)) || device_post(s->port, 5);
}

static int stage_peer(struct staged *s)
{
	return small_pair(s->unread) || sock_fill(s->unread[0]) <= 0 ||
	       operation_send(s->port, s->unread[0], &s->sends, s->data, sizeof(s->data)) != 1;
}

static int stage_limit(struct staged *s)
{
	return param_set("max_user_registrations", fdinfo_value(s->port, "registrations")) ||
	       device_apply(s->port, s->silent[0], 6, IN, ENABLE, LEVEL) !=
			SOCKIOCP_RESULT_LIMIT;
}

/* Returns 0, or the number of the step that failed. */
static int stage(struct staged *s, unsigned int stalls)
{
	memset(s, 0, sizeof(*s));
	if (!geteuid() && setresuid(USER, -1, -1))
		return 1;
	s->port = device_open();
	if (!geteuid() && setresuid(0, -1, -1))
		return 2;
	s->id = fdinfo_value(s->port, "id");
	if (s->port < 0 || stage_calm(s))
		return 3;
	if (stalls & FORGOTTEN && stage_forgotten(s))
		return 4;
	if (stalls & PEER && stage_peer(s))
		return 5;
	if (stalls & LIMIT && stage_limit(s))
		return 6;
	if (stalls & (SPINS | BLOCKS) && stage_threads(s, stalls))
		return 7;
	return 0;
}

static void unstage(struct staged *s, unsigned int stalls)
{
	int *pairs[] = { s->enabled, s->forgotten, s->disabled, s->silent, s->unread };
	size_t i;

	if (stalls & SPINS)
		worker_end(&s->spins);
	if (stalls & BLOCKS)
		worker_end(&s->blocks);
	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		/* Nothing is 0: it was not made. */
		if (!pairs[i][0])
			continue;
		fd_close(pairs[i][0]);
		fd_close(pairs[i][1]);
	}
	close(s->port);
}

/* Which stalls are named. */
static unsigned int stalls_named(const char *said)
{
	unsigned int named = 0, i;
	char reason[64];

	for (i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		snprintf(reason, sizeof(reason), "\"reason\":\"%s\"", reasons[i]);
		named |= strstr(said, reason) ? 1u << i : 0;
	}
	return named;
}

#define COMBINATIONS	(patience() > 1 ? 4u : 20u)

TEST_F(explain, stalls_that_are_there_are_named_and_no_others)
{
	long long registrations = param_get("max_user_registrations");
	uint64_t seed = random_seed(0);
	struct random r = random_start(seed);
	static struct staged staged;
	unsigned int order[STALLS], i, j, stalls, expected;
	const char *at;

	for (i = 0; i < STALLS; i++) {
		j = random_below(&r, i + 1);
		order[i] = order[j];
		order[j] = i;
	}
	for (i = 0; i < COMBINATIONS; i++) {
		stalls = order[i];
		/* Only root can set a limit. */
		if (geteuid())
			stalls &= ~LIMIT;
		EXPECT_EQ(0, stage(&staged, stalls));
		self->id = staged.id;
		/* What is on its way arrives. */
		sleep_ms(A_WHILE);
		expected = stalls ? 1 : 0;
		EXPECT_EQ(expected, tool_run(self->said, sizeof(self->said), "-j explain %u",
					     self->id));
		EXPECT_EQ(stalls, stalls_named(self->said)) {
			TH_LOG("SEED=%llu: %s", (unsigned long long)seed, self->said);
		}
		/* And each once, and nothing else. */
		for (at = self->said, j = 0; (at = strstr(at, "\"reason\"")); at++)
			j++;
		EXPECT_EQ(__builtin_popcount(stalls), j) {
			TH_LOG("SEED=%llu: %s", (unsigned long long)seed, self->said);
		}
		unstage(&staged, stalls);
		EXPECT_TRUE(geteuid() || !param_set("max_user_registrations", registrations));
	}
}

/* ------------------------------------------------------------------------- the form */

TEST_F(explain, several_reasons_are_all_told)
{
	struct worker w = { .port = self->port };
	__u64 key;

	ASSERT_EQ(0, port_configure(self->port, 8));
	ASSERT_EQ(0, device_apply(self->port, self->fd[0], 1, IN, ENABLE, ONCE));
	ASSERT_EQ(5, sock_send(self->fd[1], "hello", 5));
	ASSERT_EQ(1, device_harvest(self->port, UINT64_MAX, &key, 1));
	ASSERT_EQ(0, worker_start(&w, self->id));
	ASSERT_EQ(0, device_post(self->port, 2));
	EXPECT_EQ(1, EXPLAIN());
	EXPECT_SAID("nobody waits; threads that are blocked: 2, that run: 0");
	EXPECT_SAID("\nAnd: 1 registration was delivered");
	EXPECT_EQ(1, tool_run(self->said, sizeof(self->said), "-j explain %u", self->id));
	snprintf(self->want, sizeof(self->want), "{\"port\":%u,\"delivered\":0,\"seconds\":",
		 self->id);
	EXPECT_EQ(0, strncmp(self->want, self->said, strlen(self->want))) {
		TH_LOG("%s", self->said);
	}
	EXPECT_SAID("\"findings\":[{\"reason\":\"blocked\",\"what\":\"1 packet is queued");
	EXPECT_SAID("},{\"reason\":\"forgotten\",\"what\":\"1 registration was");
	EXPECT_SAID("\"evidence\":[\"socket ");
	worker_end(&w);
}

TEST_F(explain, port_that_is_not_there_is_told)
{
	self->id = 2147483647;
	EXPECT_EQ(1, EXPLAIN());
	EXPECT_SAID("there is no such port, or it is not yours to see");
	EXPECT_EQ(2, tool_run(self->said, sizeof(self->said), "explain"));
	EXPECT_EQ(2, tool_run(self->said, sizeof(self->said), "explain x"));
	EXPECT_EQ(2, tool_run(self->said, sizeof(self->said), "explain 1 2"));
}

TEST_HARNESS_MAIN
