// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Several sockets, two ports and a home port, thousands of random operations by one
 * thread, and an executable model of what has to come of them: which complete, with which
 * bytes, status and packet, where and in which order; and what nobody may write to.
 *
 * What an operation does is written down here a second time, from the documentation and
 * not from the module.  The thread is the only one that carries operations out, so one
 * changes its OVERLAPPED only in a call of this thread: at the latest there the model looks
 * whether it might.  Left open is when: what has waited in a queue for a while goes to the
 * home port, and how much fits into a socket is the kernel's.  From time to time all queues
 * are emptied, and peers read what has come; then nothing may be left that could be done.
 *
 * SEED=number repeats a run; a failure says which, and what was done last.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/operation.h"
#include "lib/random.h"
#include "lib/sock.h"

#define SLOTS		6
#define OPS		48
#define STEPS		3000
#define RUNS		3

/* So that nothing is lost or waits, but where that is wanted. */
#define UNREAD_MAX	1500
#define ARRIVALS_MAX	4
#define MESSAGES_MAX	7
#define MESSAGE_MAX	300
#define LONGEST		400
#define SEND_MAX	30000
/* Sends of a socket that its peer has not read. */
#define SEGMENTS	16
#define SEGMENTS_MAX	14
/* AF_UNIX takes so many datagrams at least. */
#define DATAGRAMS_FIT	8
#define ENTRIES_MAX	32
/* Sockets and ports of a run. */
#define SOCKETS_MAX	2000
#define PORTS_MAX	300
#define POISON		0xa5

enum kind {
	TCP4,
	TCP6,
	UNIX_STREAM,
	UDP4,
	UDP6,
	UNIX_DGRAM,
	KINDS,
};

static const char *const kind_name[KINDS] = {
	"tcp4", "tcp6", "unix stream", "udp4", "udp6", "unix dgram",
};

struct port {
	int fd;
	int closed;
};

/* What lasts as long as the operations do. */
struct endpoint {
	struct port *port;
	__u64 key;
	int skip;
};

enum direction {
	IN,
	OUT,
};

/* Of the peer's, in the order in which they were sent. */
struct message {
	unsigned int size, begins;
};

enum segment_state {
	/* All of it has been, or will be, sent. */
	WHOLE,
	/* Nobody knows how much of it yet ... */
	PARTLY,
	/* ... or ever. */
	CUT,
};

struct segment {
	enum segment_state state;
	unsigned int size, read;
};

struct slot {
	enum kind kind;
	int fd, peer;
	int small;
	struct endpoint *endpoint;
	/* Bytes of a stream: that arrived, that completed receives have taken. */
	unsigned int arrived, taken, arrivals;
	struct message message[MESSAGES_MAX];
	unsigned int nr_messages;
	/* The peer's end of the stream; it has closed; without a farewell. */
	int fin, gone, reset;
	int shut_read, shut_write;
	/* UDP: nobody is there, and the socket knows. */
	int error;
	/* What was sent. */
	struct segment segment[SEGMENTS];
	unsigned int first_segment, next_segment;
	/* Operations that pend, in the order of the calls. */
	struct op *pending[2][OPS];
	unsigned int nr_pending[2];
};

enum at {
	FREE,
	PENDS,
	/* It has ended without being carried out. */
	ENDED,
	/* Its OVERLAPPED tells, and a packet stands in a queue. */
	TOLD,
	POSTED,
};

struct op {
	enum at at;
	struct slot *slot;
	struct endpoint *endpoint;
	enum direction direction;
	unsigned int number, size, message_flags, flags;
	/* Of a send. */
	unsigned int segment;
	int has_name;
	__u64 cookie;
	/* Once it has ended. */
	__u64 status, bytes;
	/* Once it is told: where its packet is, and since when. */
	struct port *queue;
	__u64 key;
	unsigned int since;
	int fresh, was_ended;
	/* Of a receive that was cancelled: what it had taken by then. */
	unsigned int part;
};

/* What the kernel may write to. */
struct memory {
	struct overlapped o;
	struct sockaddr_storage name;
	__u32 name_length;
	unsigned char data[LONGEST];
};

static struct memory memory[OPS];
static unsigned char send_data[SEGMENTS][SEND_MAX];

struct model {
	struct port ports[PORTS_MAX];
	unsigned int nr_ports;
	/* Those that are open: two for associations, and the home port. */
	struct port *open[3];
	struct endpoint endpoints[SOCKETS_MAX];
	unsigned int nr_endpoints;
	struct slot slot[SLOTS];
	struct op op[OPS];
	struct random r;
	int event;
	unsigned int signalled;
	unsigned int clock, submitted, begins;
	__u64 next_key;
	/* All queues are being emptied. */
	int empties;
	unsigned long completed, pended, ended, packets;
};

enum { HOME = 2 };

static unsigned int any(struct model *m, unsigned int n)
{
	return random_below(&m->r, n);
}

static int is_tcp(const struct slot *s)
{
	return s->kind == TCP4 || s->kind == TCP6;
}

static int is_udp(const struct slot *s)
{
	return s->kind == UDP4 || s->kind == UDP6;
}

static int is_stream(const struct slot *s)
{
	return s->kind <= UNIX_STREAM;
}

static struct memory *memory_of(const struct model *m, const struct op *op)
{
	return &memory[op - m->op];
}

static unsigned int unread(const struct slot *s)
{
	return s->arrived - s->taken;
}

/* ---------------------------------------------------------- memory of operations */

static int is_poisoned(const void *data, size_t len)
{
	const unsigned char *byte = data;

	while (len--) {
		if (*byte++ != POISON)
			return 0;
	}
	return 1;
}

static void retire(struct model *m, struct op *op)
{
	memset(memory_of(m, op), POISON, sizeof(struct memory));
	op->at = FREE;
}

static struct op *new_op(struct model *m)
{
	unsigned int first = any(m, OPS), i;

	for (i = 0; i < OPS; i++) {
		struct op *op = &m->op[(first + i) % OPS];

		if (op->at == FREE) {
			memset(op, 0, sizeof(*op));
			return op;
		}
	}
	return NULL;
}

static const char *check_poison(struct model *m)
{
	unsigned int i;

	for (i = 0; i < OPS; i++) {
		if (m->op[i].at == FREE && !is_poisoned(&memory[i], sizeof(memory[i])))
			return "somebody wrote to what is the program's again";
	}
	return NULL;
}

/* ------------------------------------------------------------------- what is sent */

static unsigned char send_byte(unsigned int number, unsigned int at)
{
	return (number % SEGMENTS) << 4 | ((at ^ at >> 4 ^ at >> 8 ^ at >> 12) & 15);
}

static struct segment *segment(struct slot *s, unsigned int number)
{
	return &s->segment[number % SEGMENTS];
}

static void forget_read_segments(struct slot *s)
{
	while (s->first_segment != s->next_segment) {
		struct segment *first = segment(s, s->first_segment);

		/* An empty datagram is something to be read. */
		if (first->state != WHOLE || first->read < first->size ||
		    (!first->size && !is_stream(s)))
			break;
		s->first_segment++;
	}
}

static const char *peer_has_read(struct slot *s, const unsigned char *data, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++) {
		struct segment *first;

		for (;; s->first_segment++) {
			if (s->first_segment == s->next_segment)
				return "the peer has read what nobody has sent";
			first = segment(s, s->first_segment);
			if (first->read < first->size &&
			    data[i] >> 4 == (int)(s->first_segment % SEGMENTS))
				break;
			if (first->state != CUT && first->read < first->size)
				return "the peer has read something else";
		}
		if (data[i] != send_byte(s->first_segment, first->read++))
			return "the peer has read a wrong byte";
	}
	forget_read_segments(s);
	return NULL;
}

static const char *peer_has_received(struct slot *s, const unsigned char *data,
				     unsigned int len)
{
	struct segment *first;
	unsigned int i;

	while (s->first_segment != s->next_segment &&
	       segment(s, s->first_segment)->state == CUT)
		s->first_segment++;
	if (s->first_segment == s->next_segment)
		return "the peer has received what nobody has sent";
	first = segment(s, s->first_segment);
	if (first->state != WHOLE || first->size != len)
		return "the peer has received another datagram";
	for (i = 0; i < len; i++) {
		if (data[i] != send_byte(s->first_segment, i))
			return "the peer has received a wrong byte";
	}
	s->first_segment++;
	return NULL;
}

/* The peer reads what is there; *n is how many bytes or datagrams. */
static const char *peer_reads(struct slot *s, unsigned int most, int *n)
{
	static unsigned char data[SEND_MAX];
	const char *wrong = NULL;
	long got;

	*n = 0;
	if (s->peer < 0)
		return NULL;
	while (!wrong && most) {
		got = sock_recv(s->peer, data, is_stream(s) && most < SEND_MAX ? most : SEND_MAX);
		if (got < 0 || (!got && is_stream(s)))
			break;
		++*n;
		most -= is_stream(s) ? got : 1;
		wrong = is_stream(s) ? peer_has_read(s, data, got) :
				       peer_has_received(s, data, got);
	}
	return wrong;
}

/* ----------------------------------------------------- what becomes of an operation */

#define CANNOT	1

static int connection_error(const struct slot *s, __u64 status)
{
	return status == STATUS_IS_RESET || (is_tcp(s) && s->fin && status == STATUS_IS_ABORTED);
}

/* What a receive would do now: CANNOT, or it ends: with an error if status is not 0. */
static int stream_receives(const struct slot *s, const struct op *op, __u64 *status,
			   unsigned int *bytes)
{
	unsigned int there = unread(s);

	*status = *bytes = 0;
	if (!there && !s->fin && !s->reset)
		return CANNOT;
	if (!op->size) {
		if (!there && s->reset && is_tcp(s))
			*status = STATUS_IS_RESET;
		return 0;
	}
	if (op->message_flags & MSG_WAITALL && there < op->size && !s->fin && !s->reset)
		return CANNOT;
	if (!there && s->reset)
		*status = STATUS_IS_RESET;
	*bytes = there < op->size ? there : op->size;
	return 0;
}

static int datagram_receives(const struct slot *s, const struct op *op, __u64 *status,
			     unsigned int *bytes)
{
	unsigned int size = s->message[0].size;

	*status = *bytes = 0;
	if (s->error) {
		*status = STATUS_IS_UNREACHABLE;
		return 0;
	}
	if (!s->nr_messages)
		return CANNOT;
	*bytes = op->size < size ? op->size : size;
	if (op->size < size)
		*status = STATUS_IS_OVERFLOW;
	return 0;
}

static int receives(const struct slot *s, const struct op *op, __u64 *status,
		    unsigned int *bytes)
{
	return is_stream(s) ? stream_receives(s, op, status, bytes) :
			      datagram_receives(s, op, status, bytes);
}

/* A receive has ended, as it might: is its data right?  What it has taken is gone. */
static const char *take_data(struct model *m, struct op *op, unsigned int bytes)
{
	unsigned int begins, i;
	struct memory *mem = memory_of(m, op);
	struct slot *s = op->slot;

	if (op->status == STATUS_IS_UNREACHABLE) {
		s->error = 0;
		return NULL;
	}
	begins = is_stream(s) ? s->taken : s->message[0].begins;
	if (pattern_differs(mem->data, bytes, begins) >= 0)
		return "a receive has other bytes";
	if (!is_poisoned(mem->data + bytes, LONGEST - bytes))
		return "a receive has more bytes than it tells";
	if (op->has_name && (mem->name_length !=
			     (s->kind == UDP4 ? sizeof(struct sockaddr_in) :
						sizeof(struct sockaddr_in6)) ||
			     mem->name.ss_family != (s->kind == UDP4 ? AF_INET : AF_INET6)))
		return "a receive does not tell the sender";
	if (op->message_flags & MSG_PEEK)
		return NULL;
	if (is_stream(s)) {
		s->taken += bytes;
		if (!unread(s))
			s->arrivals = 0;
	} else {
		for (i = 1; i < s->nr_messages; i++)
			s->message[i - 1] = s->message[i];
		s->nr_messages--;
	}
	return NULL;
}

/* A question to TCP: the end of the stream, which stands before the reset, may be there still. */
static int may_hear_of_the_end(const struct slot *s, const struct op *op)
{
	return is_tcp(s) && s->fin && s->reset && !op->size && !unread(s);
}

static const char *check_receive(struct model *m, struct op *op)
{
	unsigned int bytes;
	__u64 status;

	if (receives(op->slot, op, &status, &bytes) == CANNOT)
		return "a receive has ended that has to wait";
	if (op->status != status &&
	    !(status == STATUS_IS_RESET && connection_error(op->slot, op->status)) &&
	    !(!op->status && may_hear_of_the_end(op->slot, op)))
		return "a receive has ended in another way";
	if (op->bytes != bytes)
		return "a receive has another number of bytes";
	return take_data(m, op, bytes);
}

/* AF_UNIX does not tell that both sides have ended the stream from that the peer is gone. */
static int send_may_fail_with(const struct slot *s, __u64 status)
{
	int ended = s->kind == UNIX_STREAM && s->fin && s->shut_write;

	if (status == STATUS_IS_SHUT)
		return s->shut_write;
	return (s->reset || s->gone || ended) && connection_error(s, status);
}

static const char *check_send(struct op *op)
{
	struct slot *s = op->slot;
	struct segment *mine = segment(s, op->segment);

	if (op->status) {
		mine->state = CUT;
		if (op->bytes)
			return "a failed send has bytes";
		return send_may_fail_with(s, op->status) ? NULL : "a send has failed";
	}
	if (is_stream(s) && (s->shut_write || s->reset || s->gone))
		return "a send has not failed";
	mine->state = WHOLE;
	forget_read_segments(s);
	return op->bytes == op->size ? NULL : "a send has ended with a part";
}

/* -------------------------------------------------------------- packets and memory */

/* Where its packet goes, if it pended. */
static struct port *target(struct model *m, const struct op *op)
{
	struct endpoint *endpoint = op->endpoint;

	if (op->flags & SOCKIOCP_SUBMIT_TO_HOME)
		return m->open[HOME];
	if (op->flags & SOCKIOCP_SUBMIT_NO_PACKET)
		return NULL;
	if (endpoint->port)
		return endpoint->port->closed ? NULL : endpoint->port;
	return op->flags & SOCKIOCP_SUBMIT_EVENT ? NULL : m->open[HOME];
}

static void told(struct model *m, struct op *op, struct port *queue)
{
	if (op->flags & SOCKIOCP_SUBMIT_EVENT)
		m->signalled++;
	m->completed++;
	if (!queue) {
		retire(m, op);
		return;
	}
	op->at = TOLD;
	op->queue = queue;
	op->since = m->clock;
	op->key = op->flags & SOCKIOCP_SUBMIT_TO_HOME || !op->endpoint->port ?
		  op->cookie : op->endpoint->key;
}

static void remove_pending(struct op *op)
{
	struct slot *s = op->slot;
	unsigned int *nr = &s->nr_pending[op->direction], i;
	struct op **list = s->pending[op->direction];

	for (i = 0; list[i] != op; i++)
		;
	for (--*nr; i < *nr; i++)
		list[i] = list[i + 1];
}

/* Its OVERLAPPED has been written in a call that harvested @from. */
static const char *was_written(struct model *m, struct op *op, struct port *from)
{
	struct memory *mem = memory_of(m, op);
	const char *wrong = NULL;

	history_add("    %u of %zd has ended: %#llx, %llu bytes", op->number,
		    op->slot ? op->slot - m->slot : -1, (unsigned long long)mem->o.state,
		    (unsigned long long)mem->o.bytes);
	if (op->at == ENDED) {
		if (mem->o.state != op->status || mem->o.bytes != op->part)
			return "what was cancelled or closed has another result";
		if (op->direction == IN && !(op->message_flags & MSG_WAITALL) &&
		    !is_poisoned(mem->data, LONGEST))
			return "what was cancelled has received something";
		op->was_ended = 1;
		m->ended++;
	} else {
		op->status = mem->o.state;
		op->bytes = mem->o.bytes;
		remove_pending(op);
		wrong = op->direction == IN ? check_receive(m, op) : check_send(op);
	}
	op->bytes = mem->o.bytes;
	told(m, op, target(m, op));
	op->fresh = op->at == TOLD && op->queue == from;
	return wrong;
}

static int is_written(struct model *m, const struct op *op)
{
	return (op->at == PENDS || op->at == ENDED) &&
	       memory_of(m, op)->o.state != STATUS_IS_PENDING;
}

/* What has been carried out, in the order that it must have been. */
static const char *look_at_memory(struct model *m, struct port *from)
{
	const char *wrong = NULL;
	unsigned int i, direction;

	for (i = 0; i < 2 * SLOTS && !wrong; i++) {
		struct slot *s = &m->slot[i / 2];

		direction = i % 2;
		while (!wrong && s->nr_pending[direction] &&
		       is_written(m, s->pending[direction][0]))
			wrong = was_written(m, s->pending[direction][0], from);
	}
	for (i = 0; i < OPS && !wrong; i++) {
		if (!is_written(m, &m->op[i]))
			continue;
		wrong = m->op[i].at == PENDS ? "an operation has overtaken another" :
		      was_written(m, &m->op[i], from);
	}
	return wrong;
}

static const char *check_event(struct model *m)
{
	uint64_t value = 0;

	if (read(m->event, &value, sizeof(value)) < 0)
		value = 0;
	if (value != m->signalled)
		return "an event was signalled another number of times";
	m->signalled = 0;
	return NULL;
}

static const char *check_packet(struct model *m, struct op *op, struct port *from,
				const struct sockiocp_packet_entry *got)
{
	unsigned int i;

	if ((op->at != TOLD && op->at != POSTED) || op->queue != from)
		return "a packet that nothing gives rise to";
	if (got->completion_key != op->key || got->internal != op->status ||
	    got->bytes_transferred != op->bytes || got->reserved)
		return "a packet says something else";
	for (i = 0; i < OPS; i++) {
		struct op *other = &m->op[i];

		if (other == op || (other->at != TOLD && other->at != POSTED) ||
		    other->queue != from)
			continue;
		if (!op->fresh && !other->fresh && other->since < op->since)
			return "a packet was passed over";
		if (op->at == TOLD && other->at == TOLD && other->endpoint == op->endpoint &&
		    other->direction == op->direction && other->number < op->number &&
		    !other->was_ended && !op->was_ended)
			return "a packet of a direction has overtaken another";
	}
	return NULL;
}

static const char *harvest(struct model *m, struct port *from, unsigned int max)
{
	struct sockiocp_packet_entry got[ENTRIES_MAX];
	const char *wrong;
	int i, n;

	n = operation_harvest(from->fd, got, max, 0);
	m->clock++;
	if (n > 0 || !m->empties)
		history_add("harvest of up to %u from %zd: %d", max, from - m->ports, n);
	if (n < 0 && n != -ETIME)
		return "a harvest failed";
	wrong = look_at_memory(m, from);
	for (i = 0; i < n && !wrong; i++) {
		uintptr_t at = (got[i].overlapped - (uintptr_t)memory) / sizeof(memory[0]);

		if (at >= OPS || got[i].overlapped != (uintptr_t)&memory[at])
			return "a packet of nobody";
		history_add("    packet of %u", m->op[at].number);
		wrong = check_packet(m, &m->op[at], from, &got[i]);
		if (!wrong)
			retire(m, &m->op[at]);
		m->packets++;
	}
	for (i = 0; i < OPS && !wrong; i++) {
		struct op *op = &m->op[i];

		if ((op->at != TOLD && op->at != POSTED) || op->queue != from)
			continue;
		if (op->fresh || n < (int)max)
			wrong = "a packet is lost";
	}
	return wrong ? wrong : check_event(m);
}

/* ------------------------------------------------------------------ submitting */

/* Of the data, in up to three buffers. */
static int submit(struct model *m, struct slot *s, struct op *op, const void *data,
		  struct sockiocp_submit *args)
{
	struct memory *mem = memory_of(m, op);
	struct sockiocp_buffer buffer[3];
	unsigned int i, at = 0, count = 1 + any(m, 3);

	*args = operation_args(s->fd, &mem->o, op->direction == IN ? SOCKIOCP_SUBMIT_RECEIVE :
								     SOCKIOCP_SUBMIT_SEND);
	for (i = 0; i < count; i++) {
		unsigned int size = i == count - 1 ? op->size - at : any(m, op->size - at + 1);

		buffer[i] = (struct sockiocp_buffer) {
			.length = size, .address = (uintptr_t)data + at,
		};
		at += size;
	}
	args->buffers = (uintptr_t)buffer;
	args->buffer_count = count;
	args->message_flags = op->message_flags;
	args->flags = op->flags;
	args->cookie = op->cookie;
	args->event = op->flags & SOCKIOCP_SUBMIT_EVENT ? m->event : 0;
	if (op->has_name) {
		mem->name_length = sizeof(mem->name);
		args->name = (uintptr_t)&mem->name;
		args->name_length = (uintptr_t)&mem->name_length;
	}
	return operation_submit(m->open[HOME]->fd, args);
}

static struct op *prepare(struct model *m, struct slot *s, enum direction direction)
{
	static const unsigned int flags[] = {
		0, 0, 0, 0, 0, 0, SOCKIOCP_SUBMIT_TO_HOME, SOCKIOCP_SUBMIT_NO_PACKET,
		SOCKIOCP_SUBMIT_EVENT, SOCKIOCP_SUBMIT_EVENT | SOCKIOCP_SUBMIT_NO_PACKET,
	};
	struct op *op = new_op(m);

	if (!op)
		return NULL;
	op->slot = s;
	op->endpoint = s->endpoint;
	op->direction = direction;
	op->number = ++m->submitted;
	op->cookie = random_next(&m->r);
	op->flags = flags[any(m, ARRAY_SIZE(flags))];
	return op;
}

static void pends(struct model *m, struct op *op)
{
	struct slot *s = op->slot;

	op->at = PENDS;
	s->pending[op->direction][s->nr_pending[op->direction]++] = op;
	m->pended++;
}

/* It has completed in the call. */
static const char *completed_at_once(struct model *m, struct op *op,
				     const struct sockiocp_submit *args)
{
	const struct memory *mem = memory_of(m, op);
	const struct endpoint *endpoint = op->endpoint;
	int owed = endpoint->port && !endpoint->port->closed && !endpoint->skip &&
		   !(op->flags & (SOCKIOCP_SUBMIT_TO_HOME | SOCKIOCP_SUBMIT_NO_PACKET));
	const char *wrong;

	op->status = mem->o.state;
	op->bytes = mem->o.bytes;
	if (args->bytes != op->bytes)
		return "the call and the OVERLAPPED differ";
	wrong = op->direction == IN ? check_receive(m, op) : check_send(op);
	m->clock++;
	told(m, op, owed ? endpoint->port : NULL);
	return wrong ? wrong : check_event(m);
}

/* What a call says that fails at once. */
static int error_of(__u64 status)
{
	return status == STATUS_IS_RESET ? -ECONNRESET :
	       status == STATUS_IS_ABORTED ? -ECONNABORTED :
	       status == STATUS_IS_SHUT ? -EPIPE :
	       status == STATUS_IS_UNREACHABLE ? -ECONNREFUSED : 0;
}

static const char *failed_at_once(struct model *m, struct op *op)
{
	const struct memory *mem = memory_of(m, op);

	if (mem->o.state != STATUS_IS_PENDING || mem->o.bytes != NO_BYTES)
		return "a call that failed has written the OVERLAPPED";
	if (!is_poisoned(mem->data, LONGEST))
		return "a call that failed has received something";
	retire(m, op);
	return check_event(m);
}

static const char *do_receive(struct model *m, struct slot *s)
{
	int ret, can, refused = s->shut_read && !s->fin && !s->reset;
	struct op *op = prepare(m, s, IN);
	struct sockiocp_submit args;
	unsigned int bytes;
	__u64 status;

	if (!op)
		return NULL;
	op->size = any(m, 6) ? random_size(&m->r, LONGEST) : 0;
	if (!any(m, 6))
		op->message_flags = MSG_PEEK;
	else if (is_stream(s) && !any(m, 4))
		op->message_flags = MSG_WAITALL;
	op->has_name = is_udp(s) && !any(m, 3);
	can = s->nr_pending[IN] ? CANNOT : receives(s, op, &status, &bytes);
	ret = submit(m, s, op, memory_of(m, op)->data, &args);
	history_add("%zd: receive %u of %u, flags %#x %#x: %d", s - m->slot, op->number,
		    op->size, op->message_flags, op->flags, ret);
	if (refused)
		return ret == -EPIPE ? failed_at_once(m, op) : "a receive was not refused";
	if (can == CANNOT) {
		pends(m, op);
		return ret == 1 ? NULL : "a receive does not wait";
	}
	if (ret == (status == STATUS_IS_OVERFLOW ? -EMSGSIZE : 0) ||
	    (!ret && may_hear_of_the_end(s, op)))
		return completed_at_once(m, op, &args);
	if (ret != error_of(status) && !(ret == -ECONNABORTED && status == STATUS_IS_RESET &&
					 s->fin && is_tcp(s)))
		return "a receive has another result";
	if (status == STATUS_IS_UNREACHABLE)
		s->error = 0;
	return failed_at_once(m, op);
}

/* Is the result of a call one that a send may have? */
static const char *check_send_result(const struct slot *s, const struct op *op, int ret)
{
	unsigned int waiting = s->next_segment - s->first_segment - 1;

	if (ret < 0) {
		if (is_udp(s))
			return s->error && ret == -ECONNREFUSED ? NULL : "a send has failed";
		if (!s->nr_pending[OUT] && is_stream(s) &&
		    ((ret == -EPIPE && send_may_fail_with(s, STATUS_IS_SHUT)) ||
		     (ret == -ECONNRESET && send_may_fail_with(s, STATUS_IS_RESET)) ||
		     (ret == -ECONNABORTED && send_may_fail_with(s, STATUS_IS_ABORTED))))
			return NULL;
		return "a send has failed";
	}
	if (!ret)
		return s->nr_pending[OUT] ? "a send has overtaken another" :
		       s->error ? "a send has not failed" : NULL;
	if (s->nr_pending[OUT])
		return NULL;
	/* It is the first: is there room? */
	if (is_udp(s) || (s->kind == UNIX_DGRAM && waiting < DATAGRAMS_FIT) ||
	    (is_stream(s) && (s->shut_write || s->reset || s->gone || !op->size ||
			      (!s->small && !waiting))))
		return "a send has to wait";
	return NULL;
}

static const char *do_send(struct model *m, struct slot *s)
{
	struct sockiocp_submit args;
	const char *wrong;
	struct op *op;
	int ret;

	/* A reset comes back, at some time. */
	if (s->next_segment - s->first_segment >= SEGMENTS_MAX || (is_tcp(s) && s->gone))
		return NULL;
	op = prepare(m, s, OUT);
	if (!op)
		return NULL;
	op->size = !is_stream(s) ? random_size(&m->r, MESSAGE_MAX) - 1 :
		   any(m, 2) ? random_size(&m->r, 1000) - 1 : 1 + any(m, SEND_MAX);
	op->segment = s->next_segment++;
	*segment(s, op->segment) = (struct segment) { PARTLY, op->size, 0 };
	ret = submit(m, s, op, send_data[op->segment % SEGMENTS], &args);
	history_add("%zd: send %u of %u, flags %#x: %d", s - m->slot, op->number, op->size,
		    op->flags, ret);
	wrong = check_send_result(s, op, ret);
	if (wrong)
		return wrong;
	if (ret > 0) {
		pends(m, op);
		return NULL;
	}
	if (ret < 0) {
		s->next_segment--;
		s->error = 0;
		return failed_at_once(m, op);
	}
	wrong = completed_at_once(m, op, &args);
	if (is_udp(s) && s->peer < 0) {
		s->next_segment = s->first_segment;
		s->error = 1;
	}
	return loopback_settle() ? wrong : "the loopback is broken";
}

/* ------------------------------------------------------------------------ ends */

static int bytes_unread(int fd)
{
	int n = 0;

	return ioctl(fd, FIONREAD, &n) ? -errno : n;
}

/* What has not been told ends, without being carried out, or without a word. */
static void end_op(struct model *m, struct op *op, __u64 status)
{
	remove_pending(op);
	if (op->direction == OUT)
		segment(op->slot, op->segment)->state = CUT;
	if (status == STATUS_IS_PENDING) {
		retire(m, op);
		return;
	}
	op->at = ENDED;
	op->status = status;
}

static struct op *first_receive(const struct slot *s)
{
	return s->nr_pending[IN] ? s->pending[IN][0] : NULL;
}

/*
 * Are as many bytes unread as should be?  @before: the first receive before what pends was
 * ended.  One that waits for all may have a part, and takes that along when it ends.
 */
static const char *look_at_stream(struct slot *s, const struct op *before)
{
	unsigned int may_have = before && before->message_flags & MSG_WAITALL ?
				before->size : 0;
	int left;

	if (!is_stream(s))
		return NULL;
	left = bytes_unread(s->fd);
	if (left < 0 || (unsigned int)left > unread(s) || unread(s) - left > may_have)
		return "other bytes are unread than should be";
	if (first_receive(s) != before)
		s->taken = s->arrived - left;
	return NULL;
}

/* Ends what pends on a socket, or what of it has this number.  How many? */
static int end_all(struct model *m, struct slot *s, unsigned int number, __u64 status)
{
	unsigned int i, direction;
	int nr = 0;

	for (direction = 0; direction < 2; direction++) {
		for (i = 0; i < s->nr_pending[direction];) {
			struct op *op = s->pending[direction][i];

			if (number && op->number != number) {
				i++;
				continue;
			}
			end_op(m, op, status);
			nr++;
		}
	}
	return nr;
}

/* A cancelled receive that waits for all gives what it has. */
static const char *look_at_part(struct model *m, struct slot *s, struct op *first)
{
	unsigned int taken = s->taken;
	const char *wrong = look_at_stream(s, first);

	if (wrong || !first || first->at != ENDED || s->taken == taken)
		return wrong;
	first->part = s->taken - taken;
	first->status = 0;
	return pattern_differs(memory_of(m, first)->data, first->part, taken) < 0 ? NULL :
	       "a cancelled receive has other bytes";
}

static const char *do_cancel(struct model *m, struct slot *s)
{
	struct op *op = any(m, 2) ? &m->op[any(m, OPS)] : NULL;
	struct op *before;
	int ret, want;

	if (op && op->at == PENDS)
		s = op->slot;
	before = first_receive(s);
	ret = operation_cancel(m->open[HOME]->fd, s->fd, op ? &memory_of(m, op)->o : NULL,
			       any(m, 2) ? SOCKIOCP_CANCEL_OF_THREAD : 0);
	history_add("%zd: cancel %d: %d", s - m->slot, op ? (int)op->number : -1, ret);
	want = op && op->at != PENDS ? 0 :
	       end_all(m, s, op ? op->number : 0, STATUS_IS_CANCELLED);
	if (ret != want)
		return "another number of operations was cancelled";
	return look_at_part(m, s, before);
}

/* ------------------------------------------------------------ sockets and peers */

static const char *do_associate(struct model *m, struct slot *s)
{
	struct port *port = m->open[any(m, 2)];
	int ret = operation_associate(port->fd, s->fd, ++m->next_key);

	history_add("%zd: associated with %zd: %d", s - m->slot, port - m->ports, ret);
	if (s->endpoint->port)
		return ret == -EINVAL ? NULL : "a socket was associated twice";
	s->endpoint->port = port;
	s->endpoint->key = m->next_key;
	return ret ? "a socket was not associated" : NULL;
}

static const char *new_socket(struct model *m, struct slot *s)
{
	int fd[2] = { -1, -1 }, size = 4096, ret;

	*s = (struct slot) { .kind = any(m, KINDS), .small = any(m, 2) };
	s->endpoint = &m->endpoints[m->nr_endpoints++];
	if (is_tcp(s))
		ret = tcp_pair(s->kind == TCP4 ? FAM_INET : FAM_INET6, fd, s->small ? size : 0);
	else if (is_udp(s))
		ret = udp_pair(s->kind == UDP4 ? FAM_INET : FAM_INET6, fd);
	else
		ret = unix_pair(s->kind == UNIX_STREAM ? TYPE_STREAM : TYPE_DGRAM, fd);
	if (s->kind == UNIX_STREAM && s->small)
		ret |= setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	s->fd = fd[0];
	s->peer = fd[1];
	history_add("%zd: a new %s%s", s - m->slot, s->small ? "small " : "",
		    kind_name[s->kind]);
	if (ret)
		return "no socket could be made";
	/* Before its first operation, or at some time, or never. */
	return any(m, 3) ? do_associate(m, s) : NULL;
}

/* By the call; or with close(2), which is silent, if nothing pends. */
static const char *close_slot(struct model *m, struct slot *s)
{
	int plain = !s->nr_pending[IN] && !s->nr_pending[OUT] && any(m, 2);
	int ret;

	ret = plain ? fd_close(s->fd) :
	      device_call(m->open[HOME]->fd, SOCKIOCP_CLOSE_SOCKET, (void *)(intptr_t)s->fd);
	if (s->peer >= 0)
		fd_close(s->peer);
	end_all(m, s, 0, is_stream(s) ? STATUS_IS_ABORTED : STATUS_IS_CANCELLED);
	history_add("%zd: closed%s: %d", s - m->slot, plain ? " by close(2)" : "", ret);
	return ret ? "close failed" : loopback_settle() ? NULL : "the loopback is broken";
}

static const char *do_renew(struct model *m, struct slot *s)
{
	const char *wrong;
	unsigned int i;

	if (m->nr_endpoints == SOCKETS_MAX)
		return NULL;
	wrong = close_slot(m, s);
	for (i = 0; i < OPS; i++) {
		if (m->op[i].slot == s)
			m->op[i].slot = NULL;
	}
	return wrong ? wrong : new_socket(m, s);
}

static const char *do_duplicate(struct model *m, struct slot *s)
{
	int fd = fd_dup(s->fd);

	history_add("%zd: one of two descriptors is closed", s - m->slot);
	if (fd < 0 || device_call(m->open[HOME]->fd, SOCKIOCP_CLOSE_SOCKET,
				  (void *)(intptr_t)s->fd))
		return "closing a duplicate failed";
	s->fd = fd;
	return NULL;
}

static const char *stream_arrives(struct model *m, struct slot *s, const void *data,
				  unsigned int size)
{
	int before = bytes_unread(s->fd);
	int64_t end = now_ms() + COMES;

	if (unread(s) + size > UNREAD_MAX || s->arrivals == ARRIVALS_MAX)
		return NULL;
	history_add("%zd: %u bytes arrive behind %u", s - m->slot, size, unread(s));
	if (sock_send(s->peer, data, size) != (long)size)
		return "sending failed";
	s->arrived += size;
	s->arrivals++;
	while (bytes_unread(s->fd) < before + (int)size) {
		if (now_ms() > end)
			return "bytes did not arrive";
		loopback_settle();
	}
	return NULL;
}

static const char *do_arrive(struct model *m, struct slot *s)
{
	unsigned int size = random_size(&m->r, MESSAGE_MAX);
	char data[MESSAGE_MAX];

	/* Linux resets a connection for data that nobody can receive. */
	if (s->peer < 0 || s->fin || (s->shut_read && s->shut_write))
		return NULL;
	if (is_stream(s)) {
		pattern_fill(data, size, s->arrived);
		return stream_arrives(m, s, data, size);
	}
	if (s->nr_messages == MESSAGES_MAX)
		return NULL;
	if (is_udp(s) && !any(m, 8))
		size = 0;
	m->begins += 77;
	history_add("%zd: datagram of %u behind %u", s - m->slot, size, s->nr_messages);
	pattern_fill(data, size, m->begins);
	if (sock_send(s->peer, data, size) != (long)size || !loopback_settle())
		return "sending failed";
	s->message[s->nr_messages++] = (struct message) { size, m->begins };
	return NULL;
}

static const char *do_depart(struct model *m, struct slot *s)
{
	const char *wrong;
	int n;

	wrong = peer_reads(s, any(m, 2) ? SEND_MAX : random_size(&m->r, SEND_MAX), &n);
	history_add("%zd: the peer reads: %d", s - m->slot, n);
	return !wrong && !loopback_settle() ? "the loopback is broken" : wrong;
}

static const char *do_fin(struct model *m, struct slot *s)
{
	if (!is_stream(s) || s->peer < 0 || s->fin)
		return NULL;
	history_add("%zd: the end of the stream", s - m->slot);
	if (sock_shutdown(s->peer, 'w') || !sock_becomes(s->fd, SEE_RDHUP, COMES) ||
	    !loopback_settle())
		return "no FIN came";
	s->fin = 1;
	return NULL;
}

static const char *do_break(struct model *m, struct slot *s)
{
	int resets;

	if (s->peer < 0 || s->kind == UNIX_DGRAM || (is_tcp(s) && s->fin && s->shut_write))
		return NULL;
	/* An end, and not a reset, if it has read all that there was, and will be. */
	resets = is_tcp(s) ? s->fin || any(m, 2) || s->first_segment != s->next_segment :
			     bytes_unread(s->peer) > 0;
	history_add("%zd: the peer is gone%s", s - m->slot, resets ? " by a reset" : "");
	if (is_tcp(s) && resets)
		sock_reset(s->peer);
	else
		fd_close(s->peer);
	s->peer = -1;
	if (is_udp(s)) {
		s->first_segment = s->next_segment;
		return NULL;
	}
	if (!sock_becomes(s->fd, is_tcp(s) && resets ? SEE_HUP : SEE_RDHUP, COMES))
		return "the end did not come";
	s->gone = 1;
	s->reset = resets;
	s->fin |= !resets || s->kind == UNIX_STREAM;
	return loopback_settle() ? NULL : "the loopback is broken";
}

static const char *do_shutdown(struct model *m, struct slot *s)
{
	int read = is_tcp(s) && any(m, 2);

	/* A connection that both have ended is none. */
	if (!is_stream(s) || s->gone || (is_tcp(s) && s->fin && s->shut_write))
		return NULL;
	history_add("%zd: shutdown of %s", s - m->slot, read ? "receives" : "sends");
	if (sock_shutdown(s->fd, read ? 'r' : 'w') || !loopback_settle())
		return "shutdown failed";
	*(read ? &s->shut_read : &s->shut_write) = 1;
	return NULL;
}

static const char *do_skip(struct model *m, struct slot *s)
{
	history_add("%zd: skip mode", s - m->slot);
	s->endpoint->skip = 1;
	return operation_set_modes(m->open[HOME]->fd, s->fd, SOCKIOCP_MODE_SKIP_PACKET) ?
	       "no skip mode" : NULL;
}

/* ----------------------------------------------------------------------- ports */

static struct port *open_port(struct model *m)
{
	struct port *port = &m->ports[m->nr_ports++];

	port->fd = device_open();
	return port;
}

/* With the home port all operations go without a word, with another one its packets. */
static const char *do_close_port(struct model *m)
{
	unsigned int i, which = any(m, 3);
	const struct op *before;
	struct port *port = m->open[which];
	const char *wrong = NULL;

	if (m->nr_ports == PORTS_MAX)
		return NULL;
	history_add("port %zd is closed", port - m->ports);
	fd_close(port->fd);
	port->closed = 1;
	m->open[which] = open_port(m);
	for (i = 0; i < OPS; i++) {
		struct op *op = &m->op[i];

		if (((op->at == TOLD || op->at == POSTED) && op->queue == port) ||
		    (op->at == ENDED && which == HOME))
			retire(m, op);
	}
	for (i = 0; i < SLOTS && which == HOME && !wrong; i++) {
		before = first_receive(&m->slot[i]);
		end_all(m, &m->slot[i], 0, STATUS_IS_PENDING);
		wrong = look_at_stream(&m->slot[i], before);
	}
	return wrong;
}

static const char *do_post(struct model *m)
{
	struct port *port = m->open[any(m, 3)];
	struct op *op = new_op(m);
	struct sockiocp_post args;

	if (!op)
		return NULL;
	op->at = POSTED;
	op->number = ++m->submitted;
	op->queue = port;
	op->since = ++m->clock;
	op->key = random_next(&m->r);
	op->status = random_next(&m->r);
	op->bytes = (__u32)random_next(&m->r);
	args = (struct sockiocp_post) {
		.completion_key = op->key, .overlapped = (uintptr_t)memory_of(m, op),
		.internal = op->status, .bytes_transferred = op->bytes,
	};
	history_add("post %u to %zd", op->number, port - m->ports);
	return device_call(port->fd, SOCKIOCP_POST, &args) ? "posting failed" : NULL;
}

static const char *do_harvest(struct model *m)
{
	/* Late, so that what is left may have gone home. */
	if (!any(m, 40))
		usleep(15000);
	return harvest(m, m->open[any(m, 3)], any(m, 2) ? ENTRIES_MAX : 1 + any(m, 3));
}

/* Has the peer something to read that was sent with success? */
static int peer_waits(struct slot *s)
{
	unsigned int i;

	for (i = s->first_segment; i != s->next_segment && s->peer >= 0; i++) {
		struct segment *one = segment(s, i);

		if (one->state == WHOLE && (one->read < one->size || !is_stream(s)))
			return 1;
	}
	return 0;
}

/* Is a part of a stream under way to the peer? */
static int is_under_way(const struct slot *s)
{
	int n = 0;

	return is_stream(s) && s->peer >= 0 && s->first_segment != s->next_segment &&
	       !ioctl(s->fd, SIOCOUTQ, &n) && n;
}

/* Is there anything left that can be done? */
static int is_busy(struct model *m)
{
	unsigned int i, bytes, waiting = 0;
	__u64 status;

	for (i = 0; i < SLOTS; i++) {
		struct slot *s = &m->slot[i];

		if (s->nr_pending[OUT] || (s->nr_pending[IN] &&
		    receives(s, s->pending[IN][0], &status, &bytes) != CANNOT))
			return 1;
		waiting += s->nr_pending[IN];
		if (peer_waits(s) || is_under_way(s))
			return 1;
	}
	for (i = 0; i < OPS; i++) {
		if (m->op[i].at != FREE && m->op[i].at != PENDS)
			return 1;
	}
	return fdinfo_value(m->open[HOME]->fd, "operations") != (int)waiting;
}

static const char *do_drain(struct model *m)
{
	int64_t end = now_ms() + COMES;
	const char *wrong = NULL;
	unsigned int i;
	int n;

	history_add("all is harvested, and read");
	for (m->empties = 1;;) {
		for (i = 0; i < 3 && !wrong; i++)
			wrong = harvest(m, m->open[i], ENTRIES_MAX);
		for (i = 0; i < SLOTS && !wrong; i++)
			wrong = peer_reads(&m->slot[i], -1, &n);
		if (wrong || !is_busy(m))
			break;
		if (now_ms() > end)
			return "an operation or its data is lost";
		usleep(500);
	}
	m->empties = 0;
	for (i = 0; i < SLOTS && !wrong; i++) {
		wrong = peer_reads(&m->slot[i], -1, &n);
		if (wrong)
			break;
		m->slot[i].first_segment = m->slot[i].next_segment;
		wrong = m->slot[i].fd < 0 ? NULL :
			look_at_stream(&m->slot[i], first_receive(&m->slot[i]));
	}
	return wrong ? wrong : check_poison(m);
}

static const char *do_socket(struct model *m)
{
	static const struct {
		unsigned int weight;
		const char *(*step)(struct model *m, struct slot *s);
	} steps[] = {
		{ 30, do_receive }, { 14, do_send }, { 22, do_arrive }, { 8, do_depart },
		{ 6, do_cancel }, { 1, do_fin }, { 1, do_break }, { 1, do_shutdown },
		{ 3, do_associate }, { 1, do_skip }, { 1, do_duplicate }, { 3, do_renew },
	};
	struct slot *s = &m->slot[any(m, SLOTS)];
	unsigned int i, what, sum = 0;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		sum += steps[i].weight;
	what = any(m, sum);
	for (i = 0; what >= steps[i].weight; i++)
		what -= steps[i].weight;
	return steps[i].step(m, s);
}

static const char *step(struct model *m)
{
	unsigned int what = any(m, 1000);

	return what < 730 ? do_socket(m) :
	       what < 950 ? do_harvest(m) :
	       what < 970 ? do_post(m) :
	       what < 995 ? do_drain(m) : do_close_port(m);
}

/* ---------------------------------------------------------------- the test */

static const char *model_start(struct model *m, uint64_t seed)
{
	const char *wrong = NULL;
	unsigned int i, j;

	memset(m, 0, sizeof(*m));
	memset(memory, POISON, sizeof(memory));
	for (i = 0; i < SEGMENTS; i++) {
		for (j = 0; j < SEND_MAX; j++)
			send_data[i][j] = send_byte(i, j);
	}
	m->r = random_start(seed);
	m->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (i = 0; i < 3; i++) {
		m->open[i] = open_port(m);
		if (m->open[i]->fd < 0)
			return "no port";
	}
	for (i = 0; i < SLOTS && !wrong; i++)
		wrong = new_socket(m, &m->slot[i]);
	return wrong;
}

static const char *model_end(struct model *m)
{
	const char *wrong = NULL;
	unsigned int i;

	for (i = 0; i < SLOTS && !wrong; i++)
		wrong = close_slot(m, &m->slot[i]);
	for (i = 0; i < SLOTS; i++)
		m->slot[i].fd = m->slot[i].peer = -1;
	if (!wrong)
		wrong = do_drain(m);
	for (i = 0; i < 3; i++)
		fd_close(m->open[i]->fd);
	fd_close(m->event);
	return wrong;
}

/* What the model believes, as comments. */
static void model_print(const struct model *m)
{
	const struct slot *s;
	unsigned int i;

	for (s = m->slot; s < m->slot + SLOTS; s++)
		printf("# %zd: %s,%s%s%s%s%s%s%s; %u unread, %u messages; segments %u to %u; receives %u, sends %u\n",
		       s - m->slot, kind_name[s->kind], s->small ? " small" : "",
		       s->fin ? " fin" : "", s->gone ? " gone" : "", s->reset ? " reset" : "",
		       s->shut_read ? " shut_read" : "", s->shut_write ? " shut_write" : "",
		       s->error ? " error" : "", unread(s), s->nr_messages, s->first_segment,
		       s->next_segment, s->nr_pending[IN], s->nr_pending[OUT]);
	for (i = 0; i < OPS; i++) {
		const struct op *op = &m->op[i];

		if (op->at != FREE)
			printf("# operation %u of %zd: %s of %u, flags %#x %#x, is %d; %#llx\n",
			       op->number, op->slot ? op->slot - m->slot : -1,
			       op->direction == IN ? "receive" : "send", op->size,
			       op->message_flags, op->flags, op->at,
			       (unsigned long long)memory[i].o.state);
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
	for (i = 0; i < STEPS && !wrong; i++)
		wrong = step(&m);
	if (!wrong)
		wrong = model_end(&m);
	printf("# SEED=%llu: %u steps, %u sockets, %u operations, %lu pended, %lu completed, %lu were ended, %lu packets\n",
	       (unsigned long long)seed, i, m.nr_endpoints, m.submitted, m.pended, m.completed,
	       m.ended, m.packets);
	if (!wrong)
		return "";
	printf("# SEED=%llu: %s; the last steps:\n", (unsigned long long)seed, wrong);
	history_print();
	model_print(&m);
	snprintf(text, sizeof(text), "SEED=%llu: %s", (unsigned long long)seed, wrong);
	return text;
}

TEST(operations_end_as_the_model_allows)
{
	unsigned int i;

	ASSERT_EQ(0, one_processor());
	ASSERT_EQ(0, loopback_open());
	for (i = 0; i < random_runs(RUNS); i++)
		ASSERT_STREQ("", run(random_seed(i)));
}

TEST_HARNESS_MAIN
