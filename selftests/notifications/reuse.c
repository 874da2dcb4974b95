// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A socket whose connections come and go, and what its registration knows of them:
 * random operations by one thread on one socket, and a model of what each harvest has
 * to report.  Nothing may come from a connection that is over, and nothing be lost of
 * the one that is there, whoever has read its error.  model.c has data and many sockets;
 * here it is beginnings and ends: connecting in vain, once more, without an answer,
 * waiting or not; FIN, reset, connect(AF_UNSPEC), SO_ERROR; with a registration that is
 * enabled, disabled, fired, removed, made anew, of LEVEL and of EDGE.
 *
 * SEED=number repeats a run; a failure says which, and what was done last.
 */
#include "kselftest_harness.h"

#include "lib/kinds.h"
#include "lib/port.h"
#include "lib/random.h"

#define RUNS		3
#define KEY		7

#define HAS_FAILED	(EV_ERR | EV_HANGUP)

enum phase {
	/* Not connected; with an error, if it was and has been disconnected. */
	FRESH,
	CONNECTING,
	/* An attempt to connect has failed. */
	IN_VAIN,
	OPEN,
};

struct registration {
	int live;
	int enabled;
	int filter;
	int trigger;
	/* EDGE: what has risen and was not delivered; what may be reported beside. */
	int must, may;
	/* It was there, or has seen, that the connection failed. */
	int knows;
	/* AF_UNIX wakes nobody when a connection is made. */
	int asleep;
};

struct socket {
	enum kind kind;
	enum phase phase;
	int fd, peer;
	/* connect() has told of the attempt that failed, so that it can be called again. */
	int told;
	/* SO_ERROR is not 0. */
	int error;
	int fin, failed, shut_write;
	int unread, sent;
	struct registration reg;
};

struct model {
	struct random r;
	struct socket s;
	HANDLE port;
	int listener, listener_port, refused_port;
	/* Its backlog is full: who connects gets no answer. */
	int silent, silent_port, filler[3];
	unsigned long packets, connections;
};

static int any(struct model *m, unsigned int n)
{
	return random_below(&m->r, n);
}

static int is_tcp(const struct socket *s)
{
	return s->kind == KIND_TCP4 || s->kind == KIND_TCP6;
}

static int is_mptcp(const struct socket *s)
{
	return s->kind == KIND_MPTCP4 || s->kind == KIND_MPTCP6;
}

static int is_vsock(const struct socket *s)
{
	return s->kind == KIND_VSOCK || s->kind == KIND_VSOCK_SEQPACKET;
}

static int can_disconnect(const struct socket *s)
{
	return is_tcp(s) || is_mptcp(s);
}

/* ------------------------------------------------------ the state of a socket */

/* A connection that failed leaves a trace, or an error that somebody may read. */
static int failure_is_known(const struct socket *s)
{
	return s->error || s->reg.knows || (is_tcp(s) && !s->fin);
}

static int holds(const struct socket *s)
{
	int holds = EV_OUT;

	switch (s->phase) {
	case FRESH:
		return s->error ? EV_ERR : 0;
	case CONNECTING:
		return 0;
	case IN_VAIN:
		return HAS_FAILED;
	case OPEN:
		break;
	}
	if (s->fin || s->failed)
		holds |= EV_HANGUP;
	if (s->failed && failure_is_known(s))
		holds |= HAS_FAILED;
	if (s->unread)
		holds |= EV_IN;
	return holds;
}

static int may_hold(const struct socket *s)
{
	int may = holds(s);

	/* See failed_connection_is_broken_once_the_error_was_read. */
	if (is_mptcp(s) && s->phase == IN_VAIN)
		may |= EV_OUT;
	/* Whether a reset that was read leaves a trace depends on how it came. */
	if (is_mptcp(s) && s->failed)
		may |= HAS_FAILED;
	/* MPTCP's recv() reports the error of an attempt before. */
	if (is_mptcp(s) && s->phase == OPEN && s->error)
		may |= EV_ERR | (s->fin ? EV_IN : 0);
	return may;
}

static int is_edge(const struct registration *reg)
{
	return reg->trigger & T_EDGE;
}

static int must_report(const struct socket *s)
{
	const struct registration *reg = &s->reg;

	if (!reg->live || !reg->enabled || reg->asleep)
		return 0;
	return holds(s) & (reg->filter | EV_ERR) & (is_edge(reg) ? reg->must : ~0);
}

static int may_report(const struct socket *s)
{
	const struct registration *reg = &s->reg;
	int may = may_hold(s) & (reg->filter | EV_ERR);

	if (!reg->live || !reg->enabled)
		return 0;
	/* These report an edge twice now and then, and room with all that comes in. */
	if (!is_edge(reg) || is_mptcp(s) || is_vsock(s))
		return may;
	return may & (reg->must | reg->may);
}

/*
 * The socket has changed.  @before: what held, without what ceased to hold in between;
 * @extra: edges that may be reported though nothing rose.
 */
static void changed(struct socket *s, int before, int extra)
{
	struct registration *reg = &s->reg;

	if (!reg->live || !reg->enabled)
		return;
	/* Data wakes those who asked for it, all else everybody. */
	if (extra != EV_IN || reg->filter & EV_IN)
		reg->asleep = 0;
	reg->must |= holds(s) & ~before & (reg->filter | EV_ERR);
	reg->may |= extra;
}

/* ----------------------------------------------------- operations on a socket */

/* What was sent has arrived, and all wake-ups for it. */
static const char *settle(const struct socket *s)
{
	/* Their work is done by kernel threads, on any processor. */
	if (is_mptcp(s) || is_vsock(s))
		sleep_ms(5 * patience());
	return loopback_settle() ? NULL : "the loopback is broken";
}

static const char *new_socket(struct model *m)
{
	struct socket *s = &m->s;
	enum kind kind = s->kind;

	fd_close(s->fd);
	fd_close(s->peer);
	memset(s, 0, sizeof(*s));
	s->kind = kind;
	s->peer = -1;
	s->fd = kind_socket(kind);
	history_add("a new socket, descriptor %d", s->fd);
	return s->fd < 0 ? "no socket could be made" : NULL;
}

/* May connect() begin something? */
static int may_connect(const struct socket *s)
{
	return s->phase == FRESH || (s->phase == IN_VAIN && s->told);
}

static void begin(struct socket *s, enum phase phase, int error)
{
	s->phase = phase;
	s->error = is_mptcp(s) ? s->error | error : error;
	s->told = 0;
	s->fin = s->failed = s->shut_write = 0;
	s->unread = s->sent = 0;
	s->reg.knows = 0;
	fd_close(s->peer);
	s->peer = -1;
}

static const char *do_connect(struct model *m)
{
	struct socket *s = &m->s;
	int wait = any(m, 2), ret;

	if (!may_connect(s))
		return NULL;
	history_add("connect%s", wait ? ", waiting" : "");
	ret = wait ? kind_connect_wait(s->kind, s->fd, m->listener_port) :
		     kind_connect(s->kind, s->fd, m->listener_port);
	if (ret)
		return "connect failed";
	begin(s, OPEN, 0);
	s->peer = tcp_accept(m->listener);
	if (s->peer < 0 || !sock_becomes(s->fd, SEE_OUT, COMES))
		return "no connection was made";
	m->connections++;
	changed(s, 0, 0);
	s->reg.asleep = s->kind == KIND_UNIX;
	return settle(s);
}

static const char *do_refused(struct model *m)
{
	struct socket *s = &m->s;
	int wait = any(m, 2), ret;

	if (!may_connect(s))
		return NULL;
	history_add("connect is refused%s", wait ? ", and says so" : "");
	if (s->kind == KIND_UNIX) {
		kind_connect(s->kind, s->fd, m->refused_port);
		return NULL;
	}
	if (wait) {
		ret = kind_connect_wait(s->kind, s->fd, m->refused_port);
		if (ret >= 0)
			return "connect was not refused";
	} else {
		kind_connect(s->kind, s->fd, m->refused_port);
		if (!sock_becomes(s->fd, SEE_ERR, COMES))
			return "no refusal came";
	}
	begin(s, IN_VAIN, !wait);
	s->told = wait;
	changed(s, 0, 0);
	return settle(s);
}

static const char *do_silent(struct model *m)
{
	struct socket *s = &m->s;

	if (m->silent < 0 || !may_connect(s))
		return NULL;
	history_add("connect gets no answer");
	kind_connect(s->kind, s->fd, m->silent_port);
	begin(s, CONNECTING, 0);
	return NULL;
}

/* After a refusal connect() has to be called once to be told of it. */
static const char *do_tell(struct model *m)
{
	struct socket *s = &m->s;

	if (s->phase != IN_VAIN || s->told)
		return NULL;
	/* It would wait for 2 s. */
	if (is_vsock(s) && !s->error)
		return new_socket(m);
	history_add("connect tells of the refusal");
	kind_connect_wait(s->kind, s->fd, m->listener_port);
	s->told = 1;
	s->error = 0;
	changed(s, holds(s), EV_ERR | EV_HANGUP);
	return settle(s);
}

static const char *do_disconnect(struct model *m)
{
	struct socket *s = &m->s;
	int before = holds(s), error = s->error;

	if (!can_disconnect(s))
		return NULL;
	history_add("connect(AF_UNSPEC)");
	if (tcp_disconnect(s->fd))
		return "connect(AF_UNSPEC) failed";
	if (s->phase == CONNECTING)
		error = 1;
	if (s->phase == OPEN && !s->failed && !(s->fin && s->shut_write))
		error = 1;
	/* A trace is left of an attempt; MPTCP leaves the same of a connection. */
	if (s->phase == CONNECTING || s->phase == IN_VAIN ||
	    (s->phase == OPEN && is_mptcp(s)))
		begin(s, IN_VAIN, is_mptcp(s) ? 0 : error);
	else
		begin(s, FRESH, error);
	s->told = 1;
	changed(s, before, EV_ERR | EV_HANGUP);
	return settle(s);
}

static const char *do_error(struct model *m)
{
	struct socket *s = &m->s;
	int error = sock_error(s->fd);

	history_add("SO_ERROR is %d", error);
	/* MPTCP keeps what it told, AF_VSOCK does on 5.10. */
	if (!is_mptcp(s) && !is_vsock(s) && !error != !s->error)
		return "SO_ERROR is not what it should be";
	s->error = 0;
	return NULL;
}

static const char *do_arrive(struct model *m)
{
	struct socket *s = &m->s;
	int before = holds(s);

	if (s->phase != OPEN || s->fin || s->failed || s->unread > 3)
		return NULL;
	history_add("a byte arrives behind %d", s->unread);
	if (sock_send(s->peer, "x", 1) != 1 || !sock_becomes(s->fd, SEE_IN, COMES))
		return "sending failed";
	s->unread++;
	changed(s, before, is_tcp(s) ? 0 : EV_IN);
	return settle(s);
}

static const char *do_receive(struct model *m)
{
	struct socket *s = &m->s;
	char c;

	if (s->phase != OPEN || !s->unread)
		return NULL;
	history_add("%d bytes are read", s->unread);
	for (; s->unread; s->unread--)
		if (sock_recv(s->fd, &c, 1) != 1)
			return "reading failed";
	return NULL;
}

static const char *do_send(struct model *m)
{
	struct socket *s = &m->s;

	if (s->phase != OPEN || s->failed || s->fin || s->kind != KIND_UNIX)
		return NULL;
	history_add("a byte is sent");
	s->sent = 1;
	return sock_send(s->fd, "x", 1) == 1 ? NULL : "sending failed";
}

static const char *do_fin(struct model *m)
{
	struct socket *s = &m->s;
	int before = holds(s);

	if (s->phase != OPEN || s->fin || s->failed)
		return NULL;
	history_add("peer's FIN");
	if (sock_shutdown(s->peer, 'w') || !sock_becomes(s->fd, SEE_RDHUP, COMES))
		return "no FIN came";
	s->fin = 1;
	changed(s, before, 0);
	return settle(s);
}

/* The other half of a connection's end: the socket is closed, and has no error. */
static const char *do_finish(struct model *m)
{
	struct socket *s = &m->s;

	if (s->phase != OPEN || !s->fin || s->failed || s->shut_write || !is_tcp(s))
		return NULL;
	history_add("our FIN");
	s->shut_write = 1;
	if (sock_shutdown(s->fd, 'w') || !tcp_acknowledged(s->fd, COMES))
		return "our FIN was lost";
	changed(s, holds(s), EV_OUT);
	return settle(s);
}

/* The peer is gone, without a farewell where there is such a thing. */
static const char *do_break(struct model *m)
{
	struct socket *s = &m->s;
	int before = holds(s), peer = s->peer;

	if (s->phase != OPEN || s->failed || s->peer < 0 || s->unread || s->shut_write)
		return NULL;
	history_add("the peer is gone");
	s->peer = -1;
	if (can_disconnect(s)) {
		kind_reset(s->kind, peer);
		s->failed = s->error = 1;
	} else {
		fd_close(peer);
		s->failed = s->error = s->sent;
	}
	if (!sock_becomes(s->fd, s->failed ? SEE_ERR : SEE_RDHUP, COMES))
		return "that was not seen";
	s->fin |= !s->failed;
	s->reg.knows = s->failed && s->reg.live;
	changed(s, before, EV_OUT);
	return settle(s);
}

static const char *do_renew(struct model *m)
{
	return new_socket(m);
}

/* --------------------------------------------------------------- registrations */

static const int triggers[] = {
	T_LEVEL | T_ONESHOT, T_LEVEL | T_PERSISTENT,
	T_EDGE | T_ONESHOT, T_EDGE | T_PERSISTENT,
};

static void model_enable(struct socket *s, int filter, int trigger)
{
	struct registration *reg = &s->reg;
	int was_edge = is_edge(reg), was_enabled = reg->live && reg->enabled;
	int old_allowed = reg->filter | EV_ERR;

	reg->live = 1;
	reg->filter = filter;
	reg->trigger = trigger;
	reg->enabled = 1;
	/* It looks. */
	if (s->failed && failure_is_known(s))
		reg->knows = 1;
	if (!is_edge(reg) || !was_enabled)
		reg->must = reg->may = 0;
	else if (!was_edge)
		reg->must = reg->asleep ? 0 : holds(s) & old_allowed;
	if (!is_edge(reg))
		reg->asleep = 0;
	/* What rose stays; what is new in the filter has no edge. */
	reg->must &= filter | EV_ERR;
	reg->may &= filter | EV_ERR;
}

static const char *harvest(struct model *m, SOCK_NOTIFY_REGISTRATION *entries, UINT32 nr)
{
	struct socket *s = &m->s;
	int must = must_report(s), may = may_report(s), mask = 0;
	/* Those that kernel threads work for may be late. */
	DWORD timeout = must && (is_mptcp(s) || is_vsock(s)) ? COMES : 0;
	UINT32 received = POISON32;
	OVERLAPPED_ENTRY got;
	DWORD ret;

	ret = ProcessSocketNotifications(m->port, nr, entries, timeout, 1, &got, &received);
	if (received > 1 || ret != (received ? ERROR_SUCCESS : WAIT_TIMEOUT))
		return "a harvest failed";
	if (nr && entries->registrationResult)
		return "a registration failed";
	if (received)
		mask = got.dwNumberOfBytesTransferred;
	history_add("harvest: %#x, must be %#x, may be %#x", mask, must, may);
	if (received && !mask)
		return "a packet of nothing";
	if (mask & ~may)
		return "a mask with a bit too many";
	if (must & ~mask)
		return "a mask with a bit too few";
	if (!s->reg.asleep)
		s->reg.must = s->reg.may = 0;
	if (!received)
		return NULL;
	s->reg.must = s->reg.may = 0;
	m->packets++;
	if (s->failed && mask & EV_ERR)
		s->reg.knows = 1;
	if (s->reg.trigger & T_ONESHOT)
		s->reg.enabled = 0;
	return NULL;
}

static const char *do_harvest(struct model *m)
{
	return harvest(m, NULL, 0);
}

static const char *do_enable(struct model *m)
{
	struct socket *s = &m->s;
	int filter = any(m, 2) ? EV_ALL : any(m, 8);
	int trigger = triggers[any(m, ARRAY_SIZE(triggers))], now = any(m, 2);
	SOCK_NOTIFY_REGISTRATION reg = entry(s->fd, KEY, filter, OP_ENABLE, trigger);

	history_add("ENABLE filter %#x trigger %#x", filter, trigger);
	model_enable(s, filter, trigger);
	if (now)
		return harvest(m, &reg, 1);
	return enable(m->port, s->fd, KEY, filter, trigger) ? "ENABLE failed" : NULL;
}

static const char *do_disable(struct model *m)
{
	struct socket *s = &m->s;

	history_add("DISABLE");
	s->reg.live = 1;
	s->reg.enabled = 0;
	s->reg.must = s->reg.may = 0;
	return apply(m->port, s->fd, KEY, 0, OP_DISABLE, 0) ? "DISABLE failed" : NULL;
}

static const char *do_remove(struct model *m)
{
	struct socket *s = &m->s;
	struct packet want = { KEY, EV_REMOVE };

	if (!s->reg.live)
		return NULL;
	history_add("REMOVE");
	memset(&s->reg, 0, sizeof(s->reg));
	if (deregister(m->port, s->fd))
		return "REMOVE failed";
	return *packets_differ(m->port, 0, &want, 1) ? "no REMOVE packet" : NULL;
}

/* ---------------------------------------------------------------- the test */

static const char *operation(struct model *m)
{
	static const struct {
		unsigned int weight;
		const char *(*operation)(struct model *m);
	} operations[] = {
		{ 12, do_connect }, { 10, do_refused }, { 6, do_silent }, { 10, do_tell },
		{ 10, do_disconnect }, { 10, do_error }, { 6, do_arrive }, { 8, do_receive },
		{ 3, do_send }, { 6, do_fin }, { 4, do_finish }, { 10, do_break },
		{ 2, do_renew }, { 25, do_enable }, { 6, do_disable }, { 3, do_remove },
		{ 25, do_harvest },
	};
	unsigned int i, what, sum = 0;

	/* What cannot be used again has to go, or little would happen. */
	if (m->s.phase == OPEN && !can_disconnect(&m->s) && m->s.peer < 0 && !any(m, 4))
		return new_socket(m);
	for (i = 0; i < ARRAY_SIZE(operations); i++)
		sum += operations[i].weight;
	what = any(m, sum);
	for (i = 0; what >= operations[i].weight; i++)
		what -= operations[i].weight;
	return operations[i].operation(m);
}

static int family(enum kind kind)
{
	return kind == KIND_TCP6 || kind == KIND_MPTCP6 ? FAM_INET6 : FAM_INET;
}

static const char *fill_backlog(struct model *m)
{
	int i;

	m->silent = tcp_listen(family(m->s.kind), 0, &m->silent_port);
	for (i = 0; i < 3; i++) {
		m->filler[i] = tcp_connect(family(m->s.kind), m->silent_port);
		if (!sock_becomes(m->filler[i], SEE_OUT, COMES_NOT * patience()))
			return NULL;
	}
	return "a backlog does not become full";
}

static const char *model_start(struct model *m, enum kind kind, uint64_t seed)
{
	const char *wrong;

	memset(m, 0, sizeof(*m));
	m->r = random_start(seed);
	m->s.kind = kind;
	m->s.fd = m->s.peer = m->silent = -1;
	m->filler[0] = m->filler[1] = m->filler[2] = -1;
	m->port = port_open();
	m->listener = kind_listen(kind, &m->listener_port, 0);
	m->refused_port = kind_refused_port(kind);
	if (!m->port || m->listener < 0 || m->refused_port < 0)
		return "no port, or no listener";
	wrong = can_disconnect(&m->s) ? fill_backlog(m) : NULL;
	return wrong ? wrong : new_socket(m);
}

static void model_end(struct model *m)
{
	int i;

	fd_close(m->s.fd);
	fd_close(m->s.peer);
	fd_close(m->listener);
	fd_close(m->silent);
	for (i = 0; i < 3; i++)
		fd_close(m->filler[i]);
	CloseHandle(m->port);
}

static const char *run(enum kind kind, unsigned int operations, uint64_t seed)
{
	static struct model m;
	static char text[200];
	const char *wrong;
	unsigned int i;

	history_clear();
	wrong = model_start(&m, kind, seed);
	for (i = 0; i < operations && !wrong; i++)
		wrong = operation(&m);
	printf("# SEED=%llu: %u operations, %lu connections, %lu packets\n",
	       (unsigned long long)seed, i, m.connections, m.packets);
	if (wrong) {
		printf("# SEED=%llu: %s; the last operations:\n",
		       (unsigned long long)seed, wrong);
		history_print();
		snprintf(text, sizeof(text), "SEED=%llu: %s", (unsigned long long)seed,
			 wrong);
	}
	model_end(&m);
	return wrong ? text : "";
}

FIXTURE(reuse) {
	const char *missing;
};

FIXTURE_VARIANT(reuse) {
	enum kind kind;
	/* Those that have to be waited for do less. */
	unsigned int operations;
};

FIXTURE_VARIANT_ADD(reuse, tcp4) { KIND_TCP4, 3000 };
FIXTURE_VARIANT_ADD(reuse, tcp6) { KIND_TCP6, 3000 };
FIXTURE_VARIANT_ADD(reuse, mptcp4) { KIND_MPTCP4, 150 };
FIXTURE_VARIANT_ADD(reuse, local) { KIND_UNIX, 3000 };
FIXTURE_VARIANT_ADD(reuse, vsock) { KIND_VSOCK, 150 };
FIXTURE_VARIANT_ADD(reuse, seqpacket) { KIND_VSOCK_SEQPACKET, 150 };

FIXTURE_SETUP(reuse)
{
	ASSERT_EQ(0, one_processor());
	ASSERT_EQ(0, loopback_open());
	self->missing = kind_missing(variant->kind);
}

FIXTURE_TEARDOWN(reuse)
{
}

TEST_F_TIMEOUT(reuse, packets_are_what_the_model_allows, 60)
{
	unsigned int i;

	if (self->missing)
		SKIP(return, "%s", self->missing);
	for (i = 0; i < random_runs(RUNS); i++)
		ASSERT_STREQ("", run(variant->kind, variant->operations, random_seed(i)));
}

/* Some of it, one by one. */
FIXTURE(ends) {
	HANDLE port;
	int fd;
	int peer;
};

FIXTURE_SETUP(ends)
{
	self->port = port_open();
	ASSERT_NE(NULL, self->port);
	self->fd = self->peer = -1;
}

FIXTURE_TEARDOWN(ends)
{
	fd_close(self->fd);
	fd_close(self->peer);
	EXPECT_TRUE(CloseHandle(self->port));
}

#define PAIR(kind)							\
	do {								\
		int pair[2];						\
									\
		ASSERT_EQ(0, kind_pair(kind, pair, 0));			\
		self->fd = pair[0];					\
		self->peer = pair[1];					\
	} while (0)

#define PEER_RESETS()							\
	do {								\
		ASSERT_EQ(0, sock_reset(self->peer));			\
		self->peer = -1;					\
		ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));	\
	} while (0)

#define ENABLE_ONCE(how)						\
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, (how) | T_ONESHOT))

TEST_F(ends, reset_that_was_reported_is_nothing_to_the_next_connection)
{
	int port, listener = tcp_listen(FAM_INET, 4, &port);

	PAIR(KIND_TCP4);
	ENABLE_ONCE(T_LEVEL);
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	ENABLE_ONCE(T_EDGE);
	PEER_RESETS();
	EXPECT_PACKETS(self->port, { KEY, HAS_FAILED });

	ASSERT_EQ(0, tcp_disconnect(self->fd));
	ASSERT_EQ(0, kind_connect_wait(KIND_TCP4, self->fd, port));
	self->peer = tcp_accept(listener);
	ASSERT_LE(0, self->peer);
	ENABLE_ONCE(T_LEVEL);
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	fd_close(listener);
}

/* Sequence numbers begin anywhere, half of the time behind those of the connection before. */
TEST_F(ends, first_data_of_each_connection_is_an_edge)
{
	int i, port, listener = tcp_listen(FAM_INET, 4, &port);
	char c;

	ASSERT_LE(0, listener);
	self->fd = kind_socket(KIND_TCP4);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_IN, T_EDGE));
	for (i = 0; i < 24; i++) {
		ASSERT_EQ(0, kind_connect_wait(KIND_TCP4, self->fd, port));
		self->peer = tcp_accept(listener);
		ASSERT_LE(0, self->peer);
		EXPECT_NOTHING_NOW(self->port);
		ASSERT_EQ(1, sock_send(self->peer, "x", 1));
		EXPECT_PACKETS(self->port, { KEY, EV_IN });
		ASSERT_EQ(1, sock_recv(self->fd, &c, 1));
		ASSERT_EQ(0, tcp_disconnect(self->fd));
		EXPECT_PACKETS(self->port, { KEY, EV_ERR });
		EXPECT_LT(0, sock_error(self->fd));
		ASSERT_EQ(0, fd_close(self->peer));
		self->peer = -1;
	}
	fd_close(listener);
}

/* MPTCP keeps an error that nobody has read, and tells it in the next connection. */
TEST_F(ends, error_that_mptcp_keeps_is_read_once)
{
	int port, listener;

	if (kind_missing(KIND_MPTCP4))
		SKIP(return, "%s", kind_missing(KIND_MPTCP4));
	listener = kind_listen(KIND_MPTCP4, &port, 0);
	ASSERT_LE(0, listener);
	PAIR(KIND_MPTCP4);
	ASSERT_EQ(0, kind_reset(KIND_MPTCP4, self->peer));
	self->peer = -1;
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	ASSERT_EQ(0, tcp_disconnect(self->fd));
	ASSERT_EQ(0, kind_connect_wait(KIND_MPTCP4, self->fd, port));
	self->peer = tcp_accept(listener);
	ASSERT_LE(0, self->peer);
	ENABLE_ONCE(T_LEVEL);
	EXPECT_PACKETS(self->port, { KEY, EV_ERR | EV_OUT });
	/* Nor does it hide what has come in front of the connection's end. */
	ASSERT_EQ(1, sock_send(self->peer, "x", 1));
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	ENABLE_ONCE(T_LEVEL);
	EXPECT_PACKETS(self->port, { KEY, EV_ALL | EV_ERR });
	EXPECT_LT(0, sock_error(self->fd));
	ENABLE_ONCE(T_LEVEL);
	EXPECT_PACKETS(self->port, { KEY, EV_ALL });
	fd_close(listener);
}

/* Nobody has harvested while the connection was there, and MPTCP forgets that it was. */
TEST_F(ends, end_of_a_connection_is_an_edge_after_a_refusal)
{
	int port, refused, listener;

	if (kind_missing(KIND_MPTCP4))
		SKIP(return, "%s", kind_missing(KIND_MPTCP4));
	listener = kind_listen(KIND_MPTCP4, &port, 0);
	ASSERT_LE(0, listener);
	refused = kind_refused_port(KIND_MPTCP4);
	ASSERT_LT(0, refused);
	self->fd = kind_socket(KIND_MPTCP4);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, T_EDGE));
	ASSERT_GT(0, kind_connect_wait(KIND_MPTCP4, self->fd, refused));
	EXPECT_PACKETS(self->port, { KEY, HAS_FAILED });

	ASSERT_EQ(0, kind_connect_wait(KIND_MPTCP4, self->fd, port));
	self->peer = tcp_accept(listener);
	ASSERT_LE(0, self->peer);
	ASSERT_EQ(0, kind_reset(KIND_MPTCP4, self->peer));
	self->peer = -1;
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	ASSERT_EQ(0, tcp_disconnect(self->fd));
	EXPECT_PACKETS(self->port, { KEY, HAS_FAILED });

	/* And so is the beginning of the next one, and of the one after that. */
	EXPECT_LT(0, sock_error(self->fd));
	ASSERT_EQ(0, kind_connect_wait(KIND_MPTCP4, self->fd, port));
	self->peer = tcp_accept(listener);
	ASSERT_LE(0, self->peer);
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	ASSERT_EQ(0, kind_reset(KIND_MPTCP4, self->peer));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_ERR, COMES));
	ASSERT_EQ(0, tcp_disconnect(self->fd));
	EXPECT_LT(0, sock_error(self->fd));
	ASSERT_EQ(0, kind_connect_wait(KIND_MPTCP4, self->fd, port));
	self->peer = tcp_accept(listener);
	ASSERT_LE(0, self->peer);
	EXPECT_PACKETS(self->port, { KEY, EV_OUT });
	fd_close(listener);
}

TEST_F(ends, refusal_that_connect_has_told_is_reported)
{
	int port = kind_refused_port(KIND_TCP4);

	self->fd = kind_socket(KIND_TCP4);
	ASSERT_LT(0, port);
	ASSERT_GT(0, kind_connect_wait(KIND_TCP4, self->fd, port));
	EXPECT_EQ(0, sock_error(self->fd));
	ENABLE_ONCE(T_LEVEL);
	EXPECT_PACKETS(self->port, { KEY, HAS_FAILED });
}

TEST_F(ends, reset_behind_the_end_is_known_to_who_was_disabled)
{
	PAIR(KIND_TCP4);
	ASSERT_EQ(0, sock_shutdown(self->peer, 'w'));
	ASSERT_TRUE(sock_becomes(self->fd, SEE_RDHUP, COMES));
	ENABLE_ONCE(T_LEVEL);
	EXPECT_PACKETS(self->port, { KEY, EV_HANGUP | EV_OUT });
	PEER_RESETS();
	EXPECT_LT(0, sock_error(self->fd));
	ENABLE_ONCE(T_LEVEL);
	EXPECT_PACKETS(self->port, { KEY, HAS_FAILED | EV_OUT });
}

/* ENABLE notes a connection that AF_UNIX has made without a word, for the next packet. */
TEST_F(ends, edge_that_was_noted_does_not_outlast_level)
{
	int port, listener = kind_listen(KIND_UNIX, &port, 0);

	ASSERT_LE(0, listener);
	self->fd = kind_socket(KIND_UNIX);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, T_EDGE));
	ASSERT_EQ(0, kind_connect_wait(KIND_UNIX, self->fd, port));
	self->peer = tcp_accept(listener);
	ASSERT_LE(0, self->peer);
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, T_EDGE));
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_HANGUP, T_LEVEL));
	EXPECT_EQ(0, enable(self->port, self->fd, KEY, EV_ALL, T_EDGE));
	ASSERT_EQ(1, sock_send(self->peer, "x", 1));
	EXPECT_PACKETS(self->port, { KEY, EV_IN });
	fd_close(listener);
}

TEST_F(ends, error_of_a_unix_stream_is_reported_after_it_was_read)
{
	PAIR(KIND_UNIX);
	ENABLE_ONCE(T_LEVEL);
	ASSERT_EQ(1, sock_send(self->fd, "x", 1));
	ASSERT_EQ(0, fd_close(self->peer));
	self->peer = -1;
	EXPECT_LT(0, sock_error(self->fd));
	EXPECT_PACKETS(self->port, { KEY, HAS_FAILED | EV_OUT });
}

TEST_HARNESS_MAIN
