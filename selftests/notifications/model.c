// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * One port and several sockets, thousands of random operations by one thread, and
 * an executable model of what has to come of them.  After each harvest the packets
 * have to be those that the model allows: keys, masks, order.
 *
 * What a socket's state means, and what a registration makes of it, is written
 * down here a second time, from the documentation and not from the module: EDGE
 * compares states before and after each operation, LEVEL is what holds at the
 * harvest, a packet's place in the queue is the time when it had to be there.
 *
 * Where more than one behaviour is right the model has two answers, what must be
 * reported and what may be; and two places in the queue, the first that is right
 * (somebody woke the socket) and the last (a condition has held since).
 *
 * SEED=number repeats a run; a failure says which, and what was done last.
 */
#include "kselftest_harness.h"

#include "lib/port.h"
#include "lib/random.h"

#define SLOTS		6
#define OPERATIONS	4000
#define RUNS		6

/* What may be unread, so that no limit of the kernel's comes near. */
#define UNREAD_MAX	4000
#define MESSAGES_MAX	12
#define MESSAGE_MAX	300

/* Posted and REMOVE packets that are queued at a time. */
#define QUEUED_MAX	256

#define MINUS_EAGAIN	(-11)

enum kind {
	TCP4,
	TCP6,
	UDP4,
	UDP6,
	UNIX_STREAM,
	UNIX_DGRAM,
	KINDS,
};

static const char *const kind_name[KINDS] = {
	"tcp4", "tcp6", "udp4", "udp6", "unix stream", "unix dgram",
};

enum phase {
	/* TCP: a socket and nothing more, or one whose connecting failed. */
	FRESH,
	REFUSED,
	/* All others begin here. */
	CONNECTED,
	/* The peer has reset a TCP connection, or closed a socket. */
	BROKEN,
};

/* Message by message; of the first one, what is left. */
struct messages {
	unsigned int nr;
	unsigned int left[MESSAGES_MAX];
};

struct registration {
	int live;
	ULONG_PTR key;
	int enabled;
	int filter;
	int trigger;
	/* EDGE: what has risen and was not delivered. */
	int must, may;
	/* A stream's ERR stays: it was delivered, it was there. */
	int err_delivered, err_there;
	/* The places in the queue; 0 for none. */
	unsigned int first, last;
};

struct slot {
	enum kind kind;
	enum phase phase;
	int fd, peer;
	/* Bytes of a TCP stream, messages of all others. */
	unsigned int unread, told;
	struct messages in, out;
	unsigned int lowat;
	/* The peer's FIN, or shutdown(SHUT_WR). */
	int fin;
	int shut_read, shut_write;
	/* SO_ERROR is not 0. */
	int error;
	/* The send buffer. */
	int full;
	struct registration reg;
};

/* A packet that goes out as it is. */
struct queued {
	ULONG_PTR key;
	void *overlapped;
	DWORD bytes;
	unsigned int place;
	int taken;
};

struct model {
	HANDLE port, other_port;
	int listener[2], listener_port[2], refused_port[2];
	struct random r;
	struct slot slot[SLOTS];
	struct queued queued[QUEUED_MAX];
	unsigned int nr_queued;
	unsigned int clock;
	ULONG_PTR next_key;
	uintptr_t next_post;
	unsigned long harvests, packets, removes, posts, sockets;
};

static int any(struct model *m, unsigned int n)
{
	return random_below(&m->r, n);
}

/* ------------------------------------------------------ the state of a socket */

static int is_tcp(const struct slot *s)
{
	return s->kind == TCP4 || s->kind == TCP6;
}

static int is_udp(const struct slot *s)
{
	return s->kind == UDP4 || s->kind == UDP6;
}

static int is_unix(const struct slot *s)
{
	return s->kind == UNIX_STREAM || s->kind == UNIX_DGRAM;
}

static int is_stream(const struct slot *s)
{
	return is_tcp(s) || s->kind == UNIX_STREAM;
}

static int family(const struct slot *s)
{
	return s->kind == TCP6 || s->kind == UDP6 ? FAM_INET6 : FAM_INET;
}

static int tcp_holds(const struct slot *s)
{
	int holds = EV_OUT;

	switch (s->phase) {
	case FRESH:
		return 0;
	case REFUSED:
		return EV_ERR | EV_HANGUP;
	case BROKEN:
		/* What was not read before is not IN. */
		return EV_OUT | EV_HANGUP | (s->error || !s->fin ? EV_ERR : 0);
	case CONNECTED:
		break;
	}
	/* At its end a stream is readable to the last byte. */
	if (s->fin ? s->unread > 0 : s->unread >= s->lowat)
		holds |= EV_IN;
	if (s->fin)
		holds |= EV_HANGUP;
	return holds;
}

/* What holds; the masks of the table that the documentation has. */
static int holds(const struct slot *s)
{
	int holds;

	if (is_tcp(s))
		return tcp_holds(s);
	holds = (s->in.nr ? EV_IN : 0) | (s->full ? 0 : EV_OUT) |
		(s->error ? EV_ERR : 0);
	if (s->kind == UNIX_STREAM &&
	    (s->fin || s->phase == BROKEN || s->shut_read))
		holds |= EV_HANGUP;
	return holds;
}

/* For a registration: a stream that failed stays so, once that was reported. */
static int holds_for(const struct slot *s)
{
	return holds(s) | (s->reg.err_delivered ? EV_ERR | EV_HANGUP : 0);
}

static int may_hold_for(const struct slot *s)
{
	int may = holds_for(s) | (s->reg.err_there ? EV_ERR | EV_HANGUP : 0);

	/* Whether data can be read after FIN, RST and SO_ERROR: left open. */
	if (is_tcp(s) && s->phase == BROKEN && s->fin && !s->error && s->unread)
		may |= EV_IN;
	return may;
}

/* ----------------------------------------------------- what has to be reported */

static int is_edge(const struct registration *reg)
{
	return reg->trigger & T_EDGE;
}

static int must_report(const struct slot *s)
{
	const struct registration *reg = &s->reg;

	if (!reg->live || !reg->enabled)
		return 0;
	return holds_for(s) & (reg->filter | EV_ERR) &
	       (is_edge(reg) ? reg->must : ~0);
}

static int may_report(const struct slot *s)
{
	const struct registration *reg = &s->reg;

	if (!reg->live || !reg->enabled)
		return 0;
	return may_hold_for(s) & (reg->filter | EV_ERR) &
	       (is_edge(reg) ? reg->may : ~0);
}

/* After each change: since when does something have to be in the queue? */
static void place(struct model *m, struct slot *s)
{
	struct registration *reg = &s->reg;

	if (is_stream(s) && reg->live && holds(s) & EV_ERR)
		reg->err_there = 1;
	if (!must_report(s)) {
		reg->last = 0;
		return;
	}
	if (!reg->last)
		reg->last = m->clock;
	if (!reg->first)
		reg->first = m->clock;
}

/*
 * A socket has changed, and was woken with these bits (0: with none, which may
 * mean anything).  @before is what held; @extra are edges that are no rise and
 * may be reported all the same; @open are rises that need not be.
 */
static void woken(struct model *m, struct slot *s, int bits, int before, int extra,
		  int open)
{
	struct registration *reg = &s->reg;
	int allowed = reg->filter | EV_ERR;
	int rise = holds_for(s) & ~before & allowed;
	int matters = bits & allowed;

	m->clock++;
	/* A disabled registration learns that its stream has failed. */
	if (is_stream(s) && reg->live && holds(s) & EV_ERR)
		reg->err_there = 1;
	if (!reg->live || !reg->enabled)
		return;
	if (is_edge(reg)) {
		reg->must |= rise & ~open;
		reg->may |= rise | (extra & allowed);
		matters = rise | (extra & allowed);
	}
	if (!reg->first && (matters || !bits))
		reg->first = m->clock;
	place(m, s);
}

/* What changes without a wake-up: something ceases to hold. */
static void calmed(struct model *m, struct slot *s)
{
	m->clock++;
	place(m, s);
}

static void forget(struct registration *reg)
{
	reg->must = reg->may = 0;
	reg->first = reg->last = 0;
}

static struct queued *queue(struct model *m, ULONG_PTR key, void *overlapped, DWORD bytes)
{
	struct queued *q = &m->queued[m->nr_queued++];

	*q = (struct queued) {
		.key = key,
		.overlapped = overlapped,
		.bytes = bytes,
		.place = ++m->clock,
	};
	return q;
}

/* ----------------------------------------------------- operations on a socket */

static const char data[16384];

static void append(struct messages *messages, unsigned int size)
{
	messages->left[messages->nr++] = size;
}

/* Of the first message, or of a stream: what a read of @size takes. */
static void consume(struct messages *messages, unsigned int size)
{
	messages->left[0] -= size;
	if (messages->left[0])
		return;
	memmove(messages->left, messages->left + 1,
		--messages->nr * sizeof(*messages->left));
}

static const char *close_socket(struct slot *s)
{
	fd_close(s->fd);
	if (s->peer >= 0)
		fd_close(s->peer);
	return loopback_settle() ? NULL : "the loopback is broken";
}

static const char *new_socket(struct model *m, struct slot *s)
{
	int fd[2] = { -1, -1 }, ret = 0;

	*s = (struct slot) {
		.kind = any(m, KINDS),
		.phase = CONNECTED,
		.lowat = 1,
	};
	m->sockets++;
	if (is_tcp(s) && !any(m, 3)) {
		s->phase = FRESH;
		fd[0] = any_socket(family(s), TYPE_STREAM, 0);
		ret = fd[0] < 0;
	} else if (is_tcp(s)) {
		ret = tcp_pair(family(s), fd, 0);
	} else if (is_udp(s)) {
		ret = udp_pair(family(s), fd);
	} else {
		ret = unix_pair(s->kind == UNIX_STREAM ? TYPE_STREAM : TYPE_DGRAM, fd);
	}
	s->fd = fd[0];
	s->peer = fd[1];
	history_add("%zd: a new %s%s, descriptor %d", s - m->slot, kind_name[s->kind],
		    s->phase == FRESH ? ", not connected" : "", s->fd);
	return ret ? "no socket could be made" : NULL;
}

static const char *do_renew(struct model *m, struct slot *s)
{
	const char *wrong;

	history_add("%zd: closed", s - m->slot);
	wrong = close_socket(s);
	return wrong ? wrong : new_socket(m, s);
}

static const char *do_connect(struct model *m, struct slot *s)
{
	int before = holds_for(s), v6 = s->kind == TCP6;

	if (!is_tcp(s) || s->phase != FRESH)
		return NULL;
	if (!any(m, 3)) {
		history_add("%zd: connect is refused", s - m->slot);
		udp_connect(s->fd, family(s), m->refused_port[v6]);
		if (!sock_becomes(s->fd, SEE_ERR, COMES))
			return "connect was not refused";
		s->phase = REFUSED;
		s->error = 1;
	} else {
		history_add("%zd: connect", s - m->slot);
		udp_connect(s->fd, family(s), m->listener_port[v6]);
		s->peer = tcp_accept(m->listener[v6]);
		if (s->peer < 0 || !sock_becomes(s->fd, SEE_OUT, COMES))
			return "connect failed";
		s->phase = CONNECTED;
	}
	if (!loopback_settle())
		return "the loopback is broken";
	woken(m, s, 0, before, 0, 0);
	return NULL;
}

static const char *tcp_arrive(struct model *m, struct slot *s, unsigned int size)
{
	int before = holds_for(s);

	if (s->unread + size > UNREAD_MAX || s->in.nr == MESSAGES_MAX)
		return NULL;
	history_add("%zd: %u bytes arrive at %u", s - m->slot, size, s->unread);
	if (sock_send(s->peer, data, size) != (long)size)
		return "sending failed";
	s->unread += size;
	s->in.nr++;
	if (!sock_queued(s->fd, s->unread, COMES))
		return "bytes did not arrive";
	/* Below SO_RCVLOWAT nobody is woken. */
	if (holds(s) & EV_IN) {
		s->told = s->unread;
		woken(m, s, EV_IN, before, 0, 0);
	}
	return NULL;
}

static const char *do_arrive(struct model *m, struct slot *s)
{
	unsigned int size = random_size(&m->r, MESSAGE_MAX);
	int before = holds_for(s);

	if (s->phase != CONNECTED || s->fin || s->peer < 0)
		return NULL;
	if (is_tcp(s))
		return tcp_arrive(m, s, size);
	if (s->in.nr == MESSAGES_MAX || (is_unix(s) && s->shut_read))
		return NULL;
	history_add("%zd: %u bytes arrive behind %u messages", s - m->slot, size,
		    s->in.nr);
	if (sock_send(s->peer, data, size) != (long)size || !loopback_settle())
		return "sending failed";
	append(&s->in, size);
	woken(m, s, EV_IN, before, EV_IN, 0);
	return NULL;
}

static const char *tcp_receive(struct model *m, struct slot *s, unsigned int size)
{
	char buffer[UNREAD_MAX];
	long n = sock_recv(s->fd, buffer, size);
	unsigned int want = size < s->unread ? size : s->unread;

	history_add("%zd: %ld of %u unread bytes read", s - m->slot, n, s->unread);
	if (want && n != want)
		return "reading failed";
	if (n > 0) {
		s->unread -= n;
		s->told = s->told > n ? s->told - n : 0;
	}
	if (!s->unread)
		s->in.nr = 0;
	if (n < 0 && n != MINUS_EAGAIN)
		s->error = 0;
	calmed(m, s);
	return NULL;
}

static const char *do_receive(struct model *m, struct slot *s)
{
	unsigned int size = any(m, 2) ? UNREAD_MAX : random_size(&m->r, MESSAGE_MAX);
	char buffer[MESSAGE_MAX];
	int all = any(m, 2);
	long n;

	if (s->phase == FRESH || s->phase == REFUSED)
		return NULL;
	if (is_tcp(s))
		return tcp_receive(m, s, size);
	do {
		size = s->in.nr ? s->in.left[0] : 1;
		if (s->kind == UNIX_STREAM)
			size = all ? size : random_size(&m->r, size);
		n = sock_recv(s->fd, buffer, size);
		history_add("%zd: %ld bytes of %u messages read", s - m->slot, n,
			    s->in.nr);
		/* UDP's error comes first, AF_UNIX' last. */
		if (n < 0 && s->error && (is_udp(s) || !s->in.nr))
			s->error = 0;
		else if (s->in.nr && n != size)
			return "reading failed";
		else if (s->in.nr)
			consume(&s->in, size);
	} while (all && s->in.nr);
	calmed(m, s);
	return NULL;
}

static const char *do_peek(struct model *m, struct slot *s)
{
	char buffer[MESSAGE_MAX];

	if (s->phase != CONNECTED || s->error)
		return NULL;
	history_add("%zd: a peek", s - m->slot);
	sock_peek(s->fd, buffer, random_size(&m->r, MESSAGE_MAX));
	calmed(m, s);
	return NULL;
}

static const char *do_lowat(struct model *m, struct slot *s)
{
	static const unsigned int lowats[] = { 1, 1, 1, 2, 5, 20, 100 };
	unsigned int lowat = lowats[any(m, ARRAY_SIZE(lowats))];
	int before = holds_for(s);

	if (!is_tcp(s) || s->phase != CONNECTED || s->shut_read)
		return NULL;
	history_add("%zd: SO_RCVLOWAT %u", s - m->slot, lowat);
	s->lowat = lowat;
	if (sock_lowat(s->fd, lowat))
		return "SO_RCVLOWAT was refused";
	/* At the end of a stream everybody is woken, even if nothing is left. */
	if (!(holds(s) & EV_IN) && !s->fin) {
		calmed(m, s);
		return NULL;
	}
	/* Raised and lowered again it need not be seen to rise: see edges.c. */
	woken(m, s, EV_IN, before, 0, s->told >= lowat ? EV_IN : 0);
	s->told = s->unread;
	return NULL;
}

static const char *do_fin(struct model *m, struct slot *s)
{
	int before = holds_for(s);

	if (!is_stream(s) || s->phase != CONNECTED || s->fin)
		return NULL;
	history_add("%zd: peer's FIN", s - m->slot);
	if (sock_shutdown(s->peer, 'w') || !sock_becomes(s->fd, SEE_RDHUP, COMES) ||
	    !loopback_settle())
		return "no FIN came";
	s->fin = 1;
	woken(m, s, 0, before, 0, 0);
	return NULL;
}

/* The peer goes, without a farewell where there is such a thing. */
static const char *do_break(struct model *m, struct slot *s)
{
	int before = holds_for(s);

	if (s->phase != CONNECTED || s->peer < 0 || s->kind == UNIX_DGRAM)
		return NULL;
	/* Closed in both directions: nothing is left to be reset. */
	if (is_tcp(s) && s->fin && s->shut_write)
		return NULL;
	history_add("%zd: the peer is gone", s - m->slot);
	if (is_tcp(s)) {
		sock_reset(s->peer);
		if (!sock_becomes(s->fd, SEE_ERR, COMES))
			return "no RST came";
		s->error = 1;
		s->phase = BROKEN;
	} else {
		fd_close(s->peer);
	}
	s->peer = -1;
	if (is_udp(s))
		return NULL;
	if (s->kind == UNIX_STREAM) {
		s->phase = BROKEN;
		s->error |= s->full || s->out.nr;
		s->full = s->out.nr = 0;
	}
	if (!loopback_settle())
		return "the loopback is broken";
	woken(m, s, 0, before, EV_OUT, 0);
	return NULL;
}

static const char *do_shutdown(struct model *m, struct slot *s)
{
	int before = holds_for(s), read = any(m, 2);

	if (s->phase != CONNECTED || s->kind == UNIX_DGRAM)
		return NULL;
	/* Shut in both directions, TCP answers data with RST. */
	if (is_tcp(s) && (s->shut_read || s->shut_write || s->lowat > 1))
		return NULL;
	history_add("%zd: shutdown(%s)", s - m->slot, read ? "SHUT_RD" : "SHUT_WR");
	if (sock_shutdown(s->fd, read ? 'r' : 'w') || !loopback_settle())
		return "shutdown failed";
	/* That wakes the socket once more. */
	if (is_tcp(s) && !read && !tcp_acknowledged(s->fd, COMES))
		return "the FIN was not acknowledged";
	if (read)
		s->shut_read = 1;
	else
		s->shut_write = 1;
	woken(m, s, 0, before, 0, 0);
	return NULL;
}

static const char *do_error(struct model *m, struct slot *s)
{
	int error = sock_error(s->fd);

	if (s->phase == FRESH)
		return NULL;
	history_add("%zd: SO_ERROR is %d", s - m->slot, error);
	if (!!error != s->error)
		return "SO_ERROR is not what it should be";
	s->error = 0;
	calmed(m, s);
	return NULL;
}

static const char *udp_send(struct model *m, struct slot *s, unsigned int size)
{
	int before = holds_for(s);
	long n = sock_send(s->fd, data, size);

	history_add("%zd: %ld bytes sent%s", s - m->slot, n,
		    s->peer < 0 ? " to nobody" : "");
	if (!loopback_settle())
		return "the loopback is broken";
	if (n < 0) {
		if (!s->error)
			return "sending failed";
		s->error = 0;
		calmed(m, s);
		return NULL;
	}
	/* ICMP is limited: ask whether it came. */
	if (s->peer >= 0)
		sock_drain(s->peer);
	else
		s->error = !!(sock_sees(s->fd) & SEE_ERR);
	woken(m, s, EV_OUT | EV_ERR, before, EV_OUT, 0);
	return NULL;
}

static const char *do_send(struct model *m, struct slot *s)
{
	unsigned int size = random_size(&m->r, MESSAGE_MAX);
	long n;

	if (s->phase != CONNECTED || s->shut_write || s->full)
		return NULL;
	if (is_udp(s))
		return udp_send(m, s, size);
	if (is_unix(s) && !any(m, 5)) {
		history_add("%zd: sends until it blocks", s - m->slot);
		do {
			n = sock_send(s->fd, data, sizeof(data));
		} while (n > 0);
		s->full = 1;
		calmed(m, s);
		return n == MINUS_EAGAIN ? NULL : "sending failed";
	}
	if (s->out.nr == MESSAGES_MAX)
		return NULL;
	history_add("%zd: %u bytes sent", s - m->slot, size);
	if (sock_send(s->fd, data, size) != (long)size)
		return "sending failed";
	if (is_tcp(s)) {
		loopback_settle();
		sock_drain(s->peer);
		loopback_settle();
	} else {
		append(&s->out, size);
	}
	return NULL;
}

/* AF_UNIX keeps what the peer has not read as the sender's. */
static const char *do_depart(struct model *m, struct slot *s)
{
	int before = holds_for(s);
	char buffer[MESSAGE_MAX];
	unsigned int size, nr = s->out.nr;

	if (!is_unix(s) || s->phase != CONNECTED)
		return NULL;
	if (s->full) {
		history_add("%zd: the peer reads all", s - m->slot);
		if (sock_drain(s->peer) <= 0)
			return "the peer had nothing to read";
		s->full = s->out.nr = 0;
		woken(m, s, EV_OUT, before, EV_OUT, 0);
		return NULL;
	}
	if (!nr)
		return NULL;
	size = s->out.left[0];
	if (s->kind == UNIX_STREAM && any(m, 2))
		size = random_size(&m->r, size);
	history_add("%zd: the peer reads %u of %u", s - m->slot, size, s->out.left[0]);
	if (sock_recv(s->peer, buffer, size) != (long)size)
		return "the peer cannot read";
	consume(&s->out, size);
	if (s->out.nr < nr)
		woken(m, s, EV_OUT, before, EV_OUT, 0);
	return NULL;
}

/* --------------------------------------------------------------- registrations */

static void model_enable(struct model *m, struct slot *s, ULONG_PTR key, int filter,
			 int trigger)
{
	struct registration *reg = &s->reg;
	int was_edge = is_edge(reg), old_allowed = reg->filter | EV_ERR;
	int was_enabled = reg->live && reg->enabled;

	m->clock++;
	if (!reg->live)
		*reg = (struct registration) { .live = 1, .key = key };
	reg->filter = filter;
	reg->trigger = trigger;
	reg->enabled = 1;
	if (!is_edge(reg) || !was_enabled) {
		reg->must = reg->may = 0;
	} else if (!was_edge) {
		/* LEVEL's packet is in the queue. */
		reg->must = holds_for(s) & old_allowed;
		reg->may = may_hold_for(s) & old_allowed;
	}
	/* What rose stays; what is new in the filter has no edge. */
	reg->must &= filter | EV_ERR;
	reg->may &= filter | EV_ERR;
	s->told = s->unread;
	if (!reg->first)
		reg->first = m->clock;
	place(m, s);
}

static void model_disable(struct model *m, struct slot *s, ULONG_PTR key)
{
	struct registration *reg = &s->reg;

	m->clock++;
	if (!reg->live)
		*reg = (struct registration) { .live = 1, .key = key };
	reg->enabled = 0;
	forget(reg);
}

static DWORD model_remove(struct model *m, struct slot *s)
{
	struct registration *reg = &s->reg;

	if (!reg->live)
		return ERROR_NOT_FOUND;
	queue(m, reg->key, NULL, EV_REMOVE);
	*reg = (struct registration) { 0 };
	return ERROR_SUCCESS;
}

static const int triggers[] = {
	T_LEVEL, T_LEVEL | T_ONESHOT, T_LEVEL | T_PERSISTENT,
	T_EDGE, T_EDGE | T_ONESHOT, T_EDGE | T_PERSISTENT,
};

static const int bad_triggers[] = {
	0, T_ONESHOT, T_PERSISTENT, T_LEVEL | T_EDGE,
	T_LEVEL | T_ONESHOT | T_PERSISTENT, T_EDGE | 0x10,
};

/* Make up an entry, and let the model do it; the result that it should have. */
static DWORD make_entry(struct model *m, SOCK_NOTIFY_REGISTRATION *reg)
{
	struct slot *s = &m->slot[any(m, SLOTS)];
	ULONG_PTR key = m->next_key++;
	int filter = any(m, 8), trigger = triggers[any(m, ARRAY_SIZE(triggers))];
	unsigned int what = any(m, 100);

	if (what < 70) {
		*reg = entry(s->fd, key, filter, OP_ENABLE, trigger);
		history_add("%zd: ENABLE filter %#x trigger %#x, key %llu", s - m->slot,
			    filter, trigger, (unsigned long long)key);
		model_enable(m, s, key, filter, trigger);
		return ERROR_SUCCESS;
	} else if (what < 82) {
		*reg = entry(s->fd, key, any(m, 65536), OP_DISABLE, any(m, 256));
		history_add("%zd: DISABLE, key %llu", s - m->slot,
			    (unsigned long long)key);
		model_disable(m, s, key);
		return ERROR_SUCCESS;
	} else if (what < 92 && m->nr_queued < QUEUED_MAX) {
		*reg = entry(s->fd, key, any(m, 65536), OP_REMOVE, any(m, 256));
		history_add("%zd: REMOVE", s - m->slot);
		return model_remove(m, s);
	} else if (what < 96) {
		*reg = entry(s->fd, key, any(m, 65536), OP_NONE, any(m, 256));
		history_add("%zd: NONE", s - m->slot);
		return ERROR_SUCCESS;
	}
	*reg = entry(s->fd, key, filter, OP_ENABLE,
		     bad_triggers[any(m, ARRAY_SIZE(bad_triggers))]);
	history_add("%zd: ENABLE, with a bad trigger", s - m->slot);
	return WSAEINVAL;
}

/* ------------------------------------------------------------------ harvests */

enum { BATCH_MAX = 4, ENTRIES_MAX = 40 };

struct candidate {
	struct slot *slot;
	struct queued *queued;
	int must, may;
	unsigned int first, last;
	int taken;
};

static unsigned int candidates(struct model *m, struct candidate *c)
{
	unsigned int i, nr = 0;

	for (i = 0; i < m->nr_queued; i++)
		c[nr++] = (struct candidate) {
			.queued = &m->queued[i],
			.must = 1,
			.may = 1,
			.first = m->queued[i].place,
			.last = m->queued[i].place,
		};
	for (i = 0; i < SLOTS; i++) {
		struct slot *s = &m->slot[i];
		struct candidate one = {
			.slot = s,
			.must = must_report(s),
			.may = may_report(s),
			.first = s->reg.first,
			.last = s->reg.last ? s->reg.last : ~0U,
		};

		if (one.may)
			c[nr++] = one;
	}
	return nr;
}

static int is_candidate(const struct candidate *c, const OVERLAPPED_ENTRY *got)
{
	void *overlapped = (void *)got->lpOverlapped;

	if (c->queued)
		return got->lpCompletionKey == c->queued->key &&
		       overlapped == c->queued->overlapped &&
		       got->dwNumberOfBytesTransferred == c->queued->bytes;
	return got->lpCompletionKey == c->slot->reg.key && !overlapped &&
	       !(got->dwNumberOfBytesTransferred & EV_REMOVE);
}

/* What a delivered notification changes. */
static void delivered(struct model *m, struct slot *s, int mask)
{
	struct registration *reg = &s->reg;

	if (mask & EV_ERR && is_stream(s))
		reg->err_delivered = 1;
	forget(reg);
	if (reg->trigger & T_ONESHOT) {
		reg->enabled = 0;
	} else if (!is_edge(reg)) {
		/* LEVEL goes behind all others. */
		reg->first = ++m->clock;
		place(m, s);
	}
}

/* Packets that came, in order; @all: there was room for more. */
static const char *compare(struct model *m, const OVERLAPPED_ENTRY *got,
			   unsigned int nr, int all)
{
	struct candidate c[QUEUED_MAX + SLOTS];
	unsigned int nr_candidates = candidates(m, c), now = 0, i, j;

	for (i = 0; i < nr; i++) {
		int mask = got[i].dwNumberOfBytesTransferred;

		for (j = 0; j < nr_candidates; j++)
			if (!c[j].taken && is_candidate(&c[j], &got[i]))
				break;
		if (j == nr_candidates)
			return "a packet that nothing gives rise to";
		if (got[i].Internal)
			return "a packet's Internal is not 0";
		if (c[j].slot && (!mask || mask & ~c[j].may))
			return "a mask with a bit too many";
		if (c[j].slot && c[j].must & ~mask)
			return "a mask with a bit too few";
		if (now < c[j].first)
			now = c[j].first;
		if (now > c[j].last)
			return "a packet that comes too late";
		c[j].taken = i + 1;
	}
	for (j = 0; j < nr_candidates; j++) {
		if (c[j].taken || !c[j].must)
			continue;
		if (all)
			return "a packet is lost";
		if (now > c[j].last)
			return "a packet was passed over";
	}

	/* All is right: what follows from it. */
	for (i = 1; i <= nr; i++) {
		for (j = 0; c[j].taken != (int)i; j++)
			;
		if (c[j].slot)
			delivered(m, c[j].slot, got[i - 1].dwNumberOfBytesTransferred);
		else
			c[j].queued->taken = 1;
	}
	for (i = j = 0; i < m->nr_queued; i++)
		if (!m->queued[i].taken)
			m->queued[j++] = m->queued[i];
	m->nr_queued = j;
	return NULL;
}

/*
 * What was looked at and has nothing to report is out of the queue, but for what was
 * reported, and came back to its end @since then.
 */
static void looked_at(struct model *m, int all, unsigned int since)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		struct registration *reg = &m->slot[i].reg;

		if (must_report(&m->slot[i]))
			continue;
		reg->must = 0;
		if (all && reg->first <= since)
			forget(reg);
	}
}

/* One of the three functions that harvest. */
static DWORD call(struct model *m, SOCK_NOTIFY_REGISTRATION *reg, unsigned int count,
		  OVERLAPPED_ENTRY *got, UINT32 max, UINT32 *received)
{
	ULONG removed = POISON32;
	OVERLAPPED *overlapped;
	DWORD ret;

	switch (count ? 0 : any(m, max == 1 ? 3 : 2)) {
	case 0:
		return ProcessSocketNotifications(m->port, count, count ? reg : NULL, 0,
						  max, got, received);
	case 1:
		ret = GetQueuedCompletionStatusEx(m->port, got, max, &removed, 0, FALSE) ?
			ERROR_SUCCESS : GetLastError();
		*received = removed;
		return ret;
	}
	ret = GetQueuedCompletionStatus(m->port, &got->dwNumberOfBytesTransferred,
					&got->lpCompletionKey, &overlapped, 0) ?
		ERROR_SUCCESS : GetLastError();
	got->lpOverlapped = overlapped;
	got->Internal = 0;
	*received = !ret;
	return ret;
}

static const char *harvest(struct model *m, unsigned int nr_entries, unsigned int max)
{
	SOCK_NOTIFY_REGISTRATION reg[BATCH_MAX];
	DWORD want[BATCH_MAX], ret;
	OVERLAPPED_ENTRY got[ENTRIES_MAX];
	UINT32 received = POISON32;
	const char *wrong;
	unsigned int i, since;

	for (i = 0; i < nr_entries; i++)
		want[i] = make_entry(m, &reg[i]);
	if (!max) {
		history_add("... without a harvest");
		ret = ProcessSocketNotifications(m->port, nr_entries, reg, 0, 0, NULL,
						 NULL);
		if (ret)
			return "a call without a harvest failed";
	} else {
		ret = call(m, reg, nr_entries, got, max, &received);
		history_add("harvest of up to %u: %u", max, received);
		for (i = 0; i < received && i < max; i++)
			history_add("    key %llu mask %#x overlapped %p",
				    (unsigned long long)got[i].lpCompletionKey,
				    got[i].dwNumberOfBytesTransferred,
				    (void *)got[i].lpOverlapped);
		if (received > max || ret != (received ? ERROR_SUCCESS : WAIT_TIMEOUT))
			return "a harvest failed";
	}
	for (i = 0; i < nr_entries; i++)
		if (reg[i].registrationResult != want[i])
			return "a registration has another result than it should";
	if (!max)
		return NULL;
	m->harvests++;
	m->packets += received;
	since = m->clock;
	wrong = compare(m, got, received, received < max);
	if (wrong)
		return wrong;
	looked_at(m, received < max, since);
	return NULL;
}

static const char *do_registrations(struct model *m)
{
	return harvest(m, 1 + any(m, BATCH_MAX), 0);
}

static const char *do_both(struct model *m)
{
	return harvest(m, 1 + any(m, BATCH_MAX),
		       any(m, 2) ? ENTRIES_MAX : 1 + any(m, 3));
}

static const char *do_harvest(struct model *m)
{
	return harvest(m, 0, any(m, 2) ? ENTRIES_MAX : 1 + any(m, 3));
}

static const char *do_post(struct model *m)
{
	/* Now and then a key, or bytes, that a notification could have. */
	ULONG_PTR key = any(m, 2) ? m->next_key - any(m, 20) : random_next(&m->r);
	DWORD bytes = any(m, 2) ? (DWORD)any(m, 256) : (DWORD)random_next(&m->r);
	void *overlapped = (void *)++m->next_post;

	if (m->nr_queued == QUEUED_MAX)
		return NULL;
	history_add("post %p", overlapped);
	if (!PostQueuedCompletionStatus(m->port, bytes, key, overlapped))
		return "posting failed";
	queue(m, key, overlapped, bytes);
	m->posts++;
	return NULL;
}

/* poll(2) on the port says whether a harvest would get something. */
static const char *do_poll(struct model *m)
{
	struct candidate c[QUEUED_MAX + SLOTS];
	unsigned int i, nr = candidates(m, c);
	int sees = !!(fd_sees(port_fd(m->port), 0) & SEE_IN), must = 0;

	for (i = 0; i < nr; i++)
		must |= c[i].must;
	history_add("poll: %d", sees);
	if (must && !sees)
		return "poll() does not see a packet";
	if (!nr && sees)
		return "poll() sees a packet that is not there";
	looked_at(m, 0, m->clock);
	return NULL;
}

/* A registered socket is not to be had by another port. */
static const char *do_other_port(struct model *m)
{
	static const UINT8 ops[] = { OP_ENABLE, OP_DISABLE, OP_REMOVE };
	struct slot *s = &m->slot[any(m, SLOTS)];
	UINT8 op = ops[any(m, ARRAY_SIZE(ops))];
	DWORD ret;

	if (!s->reg.live && op != OP_REMOVE)
		return NULL;
	history_add("%zd: operation %d by another port", s - m->slot, op);
	ret = apply(m->other_port, s->fd, 0, EV_ALL, op, T_LEVEL);
	return ret == (DWORD)(s->reg.live ? ERROR_INVALID_PARAMETER : ERROR_NOT_FOUND) ?
		NULL : "another port got at a socket";
}

static const char *do_socket(struct model *m)
{
	static const struct {
		unsigned int weight;
		const char *(*operation)(struct model *m, struct slot *s);
	} operations[] = {
		{ 30, do_arrive }, { 28, do_receive }, { 3, do_peek }, { 8, do_lowat },
		{ 6, do_connect }, { 3, do_fin }, { 2, do_break }, { 3, do_shutdown },
		{ 5, do_error }, { 8, do_send }, { 8, do_depart }, { 5, do_renew },
	};
	struct slot *s = &m->slot[any(m, SLOTS)];
	unsigned int i = 0, what, sum = 0;

	for (i = 0; i < ARRAY_SIZE(operations); i++)
		sum += operations[i].weight;
	what = any(m, sum);
	for (i = 0; what >= operations[i].weight; i++)
		what -= operations[i].weight;
	return operations[i].operation(m, s);
}

static const char *operation(struct model *m)
{
	unsigned int what = any(m, 100);

	return what < 50 ? do_socket(m) :
	       what < 66 ? do_registrations(m) :
	       what < 76 ? do_both(m) :
	       what < 90 ? do_harvest(m) :
	       what < 96 ? do_post(m) :
	       what < 98 ? do_poll(m) : do_other_port(m);
}

/* ---------------------------------------------------------------- the test */

static const char *model_start(struct model *m, uint64_t seed)
{
	const char *wrong = NULL;
	int i;

	memset(m, 0, sizeof(*m));
	m->r = random_start(seed);
	m->next_key = 1000;
	m->port = port_open();
	m->other_port = port_open();
	for (i = 0; i < 2; i++) {
		int fam = i ? FAM_INET6 : FAM_INET;

		m->listener[i] = tcp_listen(fam, 4, &m->listener_port[i]);
		m->refused_port[i] = tcp_refused_port(fam);
		if (m->listener[i] < 0 || m->refused_port[i] < 0)
			return "no listener";
	}
	for (i = 0; i < SLOTS && !wrong; i++)
		wrong = new_socket(m, &m->slot[i]);
	return m->port && m->other_port ? wrong : "no port";
}

static void model_end(struct model *m)
{
	int i;

	for (i = 0; i < SLOTS; i++)
		close_socket(&m->slot[i]);
	for (i = 0; i < 2; i++)
		fd_close(m->listener[i]);
	CloseHandle(m->port);
	CloseHandle(m->other_port);
}

/* What the model believes, as comments. */
static void model_print(const struct model *m)
{
	static const char *const phase[] = {
		"not connected", "refused", "connected", "broken",
	};
	const struct slot *s;

	for (s = m->slot; s < m->slot + SLOTS; s++) {
		printf("# %zd: %s, %s%s%s%s%s%s; %u unread, lowat %u, %u messages; ",
		       s - m->slot, kind_name[s->kind], phase[s->phase],
		       s->fin ? " fin" : "", s->shut_read ? " shut_read" : "",
		       s->shut_write ? " shut_write" : "", s->error ? " error" : "",
		       s->full ? " full" : "", s->unread, s->lowat, s->in.nr);
		if (s->reg.live)
			printf("key %llu %s filter %#x trigger %#x must %#x may %#x places %u to %u\n",
			       (unsigned long long)s->reg.key,
			       s->reg.enabled ? "enabled" : "disabled", s->reg.filter,
			       s->reg.trigger, must_report(s), may_report(s),
			       s->reg.first, s->reg.last);
		else
			printf("not registered\n");
	}
}

static const char *run(uint64_t seed)
{
	static struct model m;
	static char text[200];
	const char *wrong;
	unsigned int i;

	history_clear();
	wrong = model_start(&m, seed);
	for (i = 0; i < OPERATIONS && !wrong; i++)
		wrong = operation(&m);
	if (!wrong)
		wrong = harvest(&m, 0, ENTRIES_MAX);
	printf("# SEED=%llu: %u operations, %lu sockets, %lu posts, %lu packets in %lu harvests\n",
	       (unsigned long long)seed, i, m.sockets, m.posts, m.packets, m.harvests);
	if (wrong) {
		printf("# SEED=%llu: %s; the last operations:\n",
		       (unsigned long long)seed, wrong);
		history_print();
		model_print(&m);
		snprintf(text, sizeof(text), "SEED=%llu: %s", (unsigned long long)seed,
			 wrong);
		return text;
	}
	model_end(&m);
	return "";
}

FIXTURE(model) {
};

FIXTURE_SETUP(model)
{
	ASSERT_EQ(0, one_processor());
	ASSERT_EQ(0, loopback_open());
}

FIXTURE_TEARDOWN(model)
{
}

TEST_F_TIMEOUT(model, packets_are_what_the_model_allows, 110)
{
	unsigned int i;

	for (i = 0; i < random_runs(RUNS); i++)
		ASSERT_STREQ("", run(random_seed(i)));
}

TEST_HARNESS_MAIN
