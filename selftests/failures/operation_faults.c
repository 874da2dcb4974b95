// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Calls about operations in which something fails: each access to user memory in turn and,
 * where the kernel can be told to, each allocation.  Afterwards there is a clear error and
 * nothing pends, or each operation completes once; and no byte is lost, or comes twice.
 *
 * As in faults.c the first, second, third... thing of a call fails, until one call gets
 * through, and each finds new ports and sockets.  See lib/faults.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "lib/faults.h"
#include "lib/operation.h"
#include "lib/sock.h"
#include "lib/task.h"

#define KEY	0xfa17

enum {
	/* Of a batch, or that are cancelled. */
	OPS = 3,
	/* As many as need memory of their own. */
	BUFFERS = 5,
	HELLO = 5,
	MUCH = 6000,
	/* Which pages of the memory are whose: what is there begins in the first of them. */
	ARGS_AT = 0,
	BUFFERS_AT = 3,
	OVERLAPPED_AT = 6,
	DATA_AT = 9,
	GOT_AT = 13,
	RECEIVED_AT = 16,
	LIMIT = 8,
};

static struct world {
	struct faults faults;
	enum fault how;
	/* What is there begins so many bytes before the end of a page. */
	unsigned int cut;
	unsigned int injected[FAULTS];

	/* Of one call. */
	int port, home, event;
	int fd[2];
	struct overlapped own[OPS];
	char data[MUCH];
	/* In the image. */
	struct sockiocp_submit *submit;
	struct sockiocp_batch *batch;
	struct sockiocp_cancel *cancel;
	struct sockiocp_association *association;
	struct sockiocp_modes *modes;
	struct sockiocp_process *process;
	struct sockiocp_buffer *buffer;
	struct overlapped *o;
	char *to;
	struct sockiocp_packet_entry *got;
	__u32 *received;

	/* Packets that have come, by operation; and the last one's. */
	int packets[OPS];
	int foreign;
	struct sockiocp_packet_entry last;
	char text[256];
} w;

/* What differs from what should be, or "". */
#define DIFFERS(...)	(snprintf(w.text, sizeof(w.text), __VA_ARGS__), w.text)

struct scenario {
	int (*prepare)(void);
	int (*act)(void);
	const char *(*differs)(int ret);
	int type;
};

/* What lies in the image, where the kernel will find it. */
static __u64 in_memory(const void *image)
{
	return (uintptr_t)w.faults.memory + ((const char *)image - w.faults.image);
}

static void *place(unsigned int first_page)
{
	return w.faults.image + (first_page + 1) * w.faults.page - w.cut;
}

static void lay_out(void)
{
	memset(w.faults.image, 0xcc, FAULT_PAGES * w.faults.page);
	w.submit = place(ARGS_AT);
	w.batch = place(ARGS_AT);
	w.cancel = place(ARGS_AT);
	w.association = place(ARGS_AT);
	w.modes = place(ARGS_AT);
	w.process = place(ARGS_AT);
	w.buffer = place(BUFFERS_AT);
	w.o = place(OVERLAPPED_AT);
	w.to = place(DATA_AT);
	w.got = place(GOT_AT);
	w.received = place(RECEIVED_AT);
	memset(w.packets, 0, sizeof(w.packets));
	w.foreign = 0;
}

static int is_clear(int ret)
{
	return ret == -EFAULT || (w.how == FAULT_IN_KERNEL && ret == -ENOMEM);
}

/* ------------------------------------------------------------------- packets */

static void note(const struct sockiocp_packet_entry *got)
{
	unsigned int i;

	for (i = 0; i < OPS; i++) {
		if (got->overlapped == in_memory(&w.o[i]) ||
		    got->overlapped == (uintptr_t)&w.own[i])
			break;
	}
	if (i == OPS)
		w.foreign++;
	else
		w.packets[i]++;
	w.last = *got;
}

/* All that comes until nothing is being carried out, and a little longer. */
static void settle(int wanted)
{
	int64_t end = now_ms() + (wanted ? COMES : 0);
	struct sockiocp_packet_entry got[8];
	int i, n, total = 0;

	do {
		n = operation_harvest(w.home, got, 8, 0);
		for (i = 0; i < n; i++)
			note(&got[i]);
		total += n > 0 ? n : 0;
		n = operation_harvest(w.port, got, 8, total < wanted ? 1 : 0);
		for (i = 0; i < n; i++)
			note(&got[i]);
		total += n > 0 ? n : 0;
	} while (n > 0 || (total < wanted && now_ms() < end));
}

static struct overlapped overlapped(unsigned int i)
{
	struct overlapped o;

	faults_read(&w.faults, &w.o[i], &o, sizeof(o));
	return o;
}

static long long pending(void)
{
	return fdinfo_value(w.home, "operations");
}

/* The rest of what was sent, from @at on, is in the socket, and nothing else. */
static const char *rest_differs(int fd, const char *sent, size_t size, size_t at)
{
	static char got[MUCH + 1];
	long n = receive_all(fd, got, size - at, COMES);

	if (n != (long)(size - at) || memcmp(got, sent + at, size - at))
		return DIFFERS("of %zu bytes from %zu on %ld are there", size, at, n);
	n = sock_recv(fd, got, 1);
	return n == -EAGAIN ? "" : DIFFERS("and one more: %ld", n);
}

/* ---------------------------------------------------------- one that is submitted */

/* In as many buffers as need memory of their own. */
static void write_submit(unsigned int operation, size_t size)
{
	unsigned int i;

	w.o[0] = (struct overlapped)PENDING_OVERLAPPED;
	for (i = 0; i < BUFFERS; i++) {
		size_t begins = size * i / BUFFERS;

		w.buffer[i] = (struct sockiocp_buffer) {
			.address = in_memory(w.to + begins),
			.length = size * (i + 1) / BUFFERS - begins,
		};
	}
	*w.submit = (struct sockiocp_submit) {
		.socket = w.fd[0],
		.overlapped = in_memory(w.o),
		.operation = operation,
		.buffers = in_memory(w.buffer),
		.buffer_count = BUFFERS,
		.flags = SOCKIOCP_SUBMIT_EVENT,
		.event = w.event,
	};
}

static int act_submit(void)
{
	return operation_submit(w.home, (void *)(uintptr_t)in_memory(w.submit));
}

static int prepare_receive(void)
{
	write_submit(SOCKIOCP_SUBMIT_RECEIVE, HELLO);
	return 0;
}

/* Success or error, and all that belongs to it. */
static const char *receive_ended_badly(int completed)
{
	struct overlapped o = overlapped(0);
	char data[HELLO];

	if (w.packets[0] != completed || w.foreign)
		return DIFFERS("%d packets, %d foreign", w.packets[0], w.foreign);
	if (pending())
		return DIFFERS("%lld operations stay", pending());
	if (!completed || w.last.internal) {
		if (o.state == STATUS_IS_PENDING ? o.bytes != NO_BYTES && !completed :
						   !completed)
			return DIFFERS("the OVERLAPPED was written: %#llx", o.state);
		return rest_differs(w.fd[0], "hello", HELLO, 0);
	}
	faults_read(&w.faults, w.to, data, HELLO);
	if (w.last.bytes_transferred != HELLO || memcmp(data, "hello", HELLO))
		return DIFFERS("%u bytes", w.last.bytes_transferred);
	if (!w.faults.injected && (o.state || o.bytes != HELLO))
		return DIFFERS("state %#llx, %llu bytes", o.state, o.bytes);
	return rest_differs(w.fd[0], "hello", HELLO, HELLO);
}

static const char *pending_receive_differs(int ret)
{
	if (ret != 1 && !is_clear(ret))
		return DIFFERS("returned %d", ret);
	if (pending() != (ret == 1))
		return DIFFERS("returned %d, %lld pend", ret, pending());
	settle(0);
	if (w.packets[0] || w.foreign)
		return DIFFERS("a packet before anything was sent");
	sock_send(w.fd[1], "hello", HELLO);
	if (!sock_queued(w.fd[0], HELLO, COMES))
		return DIFFERS("cannot be sent");
	settle(ret == 1);
	return receive_ended_badly(ret == 1);
}

static const struct scenario receiving_later = {
	.prepare = prepare_receive,
	.act = act_submit,
	.differs = pending_receive_differs,
	.type = TYPE_STREAM,
};

static int prepare_receive_now(void)
{
	if (sock_send(w.fd[1], "hello", HELLO) != HELLO || !sock_queued(w.fd[0], HELLO, COMES))
		return -1;
	return prepare_receive();
}

static const char *receive_now_differs(int ret)
{
	if (ret != 1 && ret && !is_clear(ret))
		return DIFFERS("returned %d", ret);
	settle(ret >= 0);
	return receive_ended_badly(ret >= 0);
}

static const struct scenario receiving_now = {
	.prepare = prepare_receive_now,
	.act = act_submit,
	.differs = receive_now_differs,
	.type = TYPE_STREAM,
};

static int prepare_send(void)
{
	pattern_fill(w.data, MUCH, 0);
	memcpy(w.to, w.data, MUCH);
	write_submit(SOCKIOCP_SUBMIT_SEND, MUCH);
	return 0;
}

/* What has arrived is the beginning; and all of it, if it says so. */
static const char *send_differs(int ret)
{
	static char got[MUCH + 1];
	long n;

	if (ret != 1 && ret && !is_clear(ret))
		return DIFFERS("returned %d", ret);
	settle(ret >= 0);
	if (w.packets[0] != (ret >= 0) || w.foreign || pending())
		return DIFFERS("returned %d, %d packets, %lld pend", ret, w.packets[0], pending());
	n = receive_all(w.fd[1], got, sizeof(got), w.faults.injected ? 5 : COMES_NOT);
	if (n < 0 || n > MUCH || memcmp(got, w.data, n))
		return DIFFERS("%ld bytes, or others, have arrived", n);
	if (ret >= 0 && !w.last.internal && n != MUCH)
		return DIFFERS("success, and %ld bytes have arrived", n);
	if (!w.faults.injected && n != MUCH)
		return DIFFERS("%ld bytes have arrived", n);
	return "";
}

static const struct scenario sending = {
	.prepare = prepare_send,
	.act = act_submit,
	.differs = send_differs,
	.type = TYPE_STREAM,
};

/* A datagram of AF_UNIX: all or nothing. */
static const char *datagram_differs(int ret)
{
	static char got[MUCH + 1];
	long n;

	if (ret != 1 && ret && !is_clear(ret) && !(w.how == FAULT_IN_KERNEL && ret == -ENOBUFS))
		return DIFFERS("returned %d", ret);
	settle(ret >= 0);
	if (w.packets[0] != (ret >= 0) || w.foreign || pending())
		return DIFFERS("returned %d, %d packets, %lld pend", ret, w.packets[0], pending());
	n = sock_recv(w.fd[1], got, sizeof(got));
	if (n != (ret >= 0 && !w.last.internal ? MUCH : -EAGAIN))
		return DIFFERS("returned %d, status %#llx, %ld bytes have arrived", ret,
			       w.last.internal, n);
	return n == MUCH && memcmp(got, w.data, n) ? DIFFERS("others have arrived") : "";
}

static const struct scenario sending_a_datagram = {
	.prepare = prepare_send,
	.act = act_submit,
	.differs = datagram_differs,
	.type = TYPE_DGRAM,
};

/* ------------------------------------------------------------------- a batch */

static int prepare_batch(void)
{
	struct sockiocp_submit *args = (void *)w.buffer;
	unsigned int i;

	/* The buffers behind the operations. */
	for (i = 0; i < OPS; i++) {
		struct sockiocp_buffer *buffer = (void *)w.to;

		w.o[i] = (struct overlapped)PENDING_OVERLAPPED;
		buffer[i] = (struct sockiocp_buffer) {
			.address = (uintptr_t)&w.data[i],
			.length = 1,
		};
		args[i] = (struct sockiocp_submit) {
			.socket = w.fd[0],
			.overlapped = in_memory(&w.o[i]),
			.operation = SOCKIOCP_SUBMIT_RECEIVE,
			.buffers = in_memory(&buffer[i]),
			.buffer_count = 1,
		};
	}
	*w.batch = (struct sockiocp_batch) {
		.operations = in_memory(args),
		.operation_count = OPS,
		.operation_size = sizeof(*args),
		.home = w.home,
		.process = {
			.entries = in_memory(w.got),
			.entry_count = 1,
			.received = in_memory(w.received),
			.handle = w.port,
		},
	};
	return 0;
}

static int act_batch(void)
{
	return device_call(w.port, SOCKIOCP_BATCH, (void *)(uintptr_t)in_memory(w.batch));
}

/* Those that were submitted are the first ones that did not fail, and each completes. */
static const char *batch_differs(int ret)
{
	const struct sockiocp_submit *args = (void *)w.buffer;
	unsigned int i, n = 0, left = w.batch->operation_count;
	long long pend = pending();

	if (ret != -ETIME && !is_clear(ret))
		return DIFFERS("returned %d", ret);
	if (left > OPS)
		return DIFFERS("%u are left", left);
	for (i = 0; i < OPS; i++) {
		if (args[i].result == 1)
			n++;
		else if (args[i].result && !is_clear(args[i].result))
			return DIFFERS("result %d of %u", args[i].result, i);
		/* Unless that could not be written any more. */
		if (args[i].result && i >= OPS - left && !(left == OPS && w.faults.injected))
			return DIFFERS("%u are left, and %u has result %d", left, i,
				       args[i].result);
	}
	/* The memory of a result may have gone after it was looked at. */
	if (pend != n && !(ret == -EFAULT && pend == n + 1) && !w.faults.injected)
		return DIFFERS("%u have results, %lld pend", n, pend);
	if (ret == -ETIME && left && !w.faults.injected)
		return DIFFERS("%u are left of a call that went on", left);
	sock_send(w.fd[1], "hello", OPS);
	if (!sock_queued(w.fd[0], OPS, COMES))
		return DIFFERS("cannot be sent");
	settle(pend);
	for (n = 0, i = 0; i < OPS; i++) {
		if (w.packets[i] > 1)
			return DIFFERS("%d packets of %u", w.packets[i], i);
		n += w.packets[i];
	}
	if (n != pend || w.foreign || pending())
		return DIFFERS("%u packets, %lld had pended, %lld do", n, pend, pending());
	return rest_differs(w.fd[0], "hello", OPS, n);
}

static const struct scenario batching = {
	.prepare = prepare_batch,
	.act = act_batch,
	.differs = batch_differs,
	.type = TYPE_STREAM,
};

/* ------------------------------------------------------ cancel, associate, modes */

static int prepare_cancel(void)
{
	unsigned int i;

	for (i = 0; i < OPS; i++) {
		if (operation_receive(w.home, w.fd[0], &w.own[i], &w.data[i], 1) != 1)
			return -1;
	}
	*w.cancel = (struct sockiocp_cancel) { .socket = w.fd[0] };
	return 0;
}

static int act_cancel(void)
{
	return device_call(w.home, SOCKIOCP_CANCEL, (void *)(uintptr_t)in_memory(w.cancel));
}

static const char *cancel_differs(int ret)
{
	unsigned int i, n = 0;

	if (ret && !is_clear(ret))
		return DIFFERS("returned %d", ret);
	if (!ret && w.cancel->cancelled != OPS && !w.faults.injected)
		return DIFFERS("%u were cancelled", w.cancel->cancelled);
	settle(ret ? 0 : OPS);
	for (i = 0; i < OPS; i++)
		n += w.packets[i];
	if (n != (ret ? 0 : OPS) || pending() != (ret ? OPS : 0))
		return DIFFERS("returned %d, %u packets, %lld pend", ret, n, pending());
	return n && w.last.internal != STATUS_IS_CANCELLED ?
	       DIFFERS("status %#llx", w.last.internal) : "";
}

static const struct scenario cancelling = {
	.prepare = prepare_cancel,
	.act = act_cancel,
	.differs = cancel_differs,
	.type = TYPE_STREAM,
};

/* The other end is not associated. */
static int prepare_associate(void)
{
	*w.association = (struct sockiocp_association) { .socket = w.fd[1], .completion_key = 7 };
	return 0;
}

static int act_associate(void)
{
	return device_call(w.port, SOCKIOCP_ASSOCIATE, (void *)(uintptr_t)in_memory(w.association));
}

static const char *associate_differs(int ret)
{
	int again;

	if (ret && !is_clear(ret))
		return DIFFERS("returned %d", ret);
	again = operation_associate(w.port, w.fd[1], 7);
	return again != (ret ? 0 : -EINVAL) ? DIFFERS("returned %d, then %d", ret, again) : "";
}

static const struct scenario associating = {
	.prepare = prepare_associate,
	.act = act_associate,
	.differs = associate_differs,
	.type = TYPE_STREAM,
};

/* A socket that nobody has heard of: the call makes its endpoint. */
static int prepare_modes(void)
{
	*w.modes = (struct sockiocp_modes) {
		.socket = w.fd[1],
		.modes = SOCKIOCP_MODE_SKIP_PACKET,
	};
	return 0;
}

static int act_modes(void)
{
	return device_call(w.home, SOCKIOCP_SET_MODES, (void *)(uintptr_t)in_memory(w.modes));
}

/* It is in force, or nothing of it is: no packet of what completes at once, or one. */
static const char *modes_differ(int ret)
{
	long long made = fdinfo_value(w.home, "endpoints");

	if (ret && !is_clear(ret))
		return DIFFERS("returned %d", ret);
	if (made != !ret)
		return DIFFERS("returned %d, %lld endpoints were made", ret, made);
	if (operation_associate(w.port, w.fd[1], KEY))
		return DIFFERS("returned %d, and cannot be associated", ret);
	sock_send(w.fd[0], "h", 1);
	if (!sock_queued(w.fd[1], 1, COMES))
		return DIFFERS("cannot be sent");
	if (operation_receive(w.home, w.fd[1], &w.own[0], w.data, 1))
		return DIFFERS("does not complete at once");
	settle(ret ? 1 : 0);
	return w.packets[0] != (ret ? 1 : 0) || w.foreign ?
	       DIFFERS("returned %d, %d packets", ret, w.packets[0]) : "";
}

static const struct scenario setting_modes = {
	.prepare = prepare_modes,
	.act = act_modes,
	.differs = modes_differ,
	.type = TYPE_STREAM,
};

/* ------------------------------------------------------------- close and harvest */

static void write_harvest(unsigned int count)
{
	*w.process = (struct sockiocp_process) {
		.entries = in_memory(w.got),
		.entry_count = count,
		.received = in_memory(w.received),
		.handle = w.port,
	};
	*w.received = 0;
}

static int act_harvest(void)
{
	return device_call(w.port, SOCKIOCP_PROCESS, (void *)(uintptr_t)in_memory(w.process));
}

/* All that it leaves is to be told to memory that fails. */
static int prepare_close(void)
{
	int i;

	for (i = 0; i < OPS; i++) {
		struct sockiocp_buffer buffer = {
			.address = (uintptr_t)&w.data[i],
			.length = 1,
		};
		struct sockiocp_submit args = {
			.socket = w.fd[0],
			.overlapped = in_memory(&w.o[i]),
			.operation = SOCKIOCP_SUBMIT_RECEIVE,
			.buffers = (uintptr_t)&buffer,
			.buffer_count = 1,
		};

		w.o[i] = (struct overlapped)PENDING_OVERLAPPED;
		if (operation_submit(w.home, &args) != 1)
			return -1;
	}
	write_harvest(OPS);
	return 0;
}

/* What the close() does comes first: it has to get through. */
static int act_close(void)
{
	if (device_call(w.home, SOCKIOCP_CLOSE_SOCKET, (void *)(intptr_t)w.fd[0]))
		return -EIO;
	return act_harvest();
}

static const char *close_differs(int ret)
{
	unsigned int i;

	if (ret && ret != -ETIME && !is_clear(ret))
		return DIFFERS("returned %d", ret);
	if (fd_close(w.fd[0]) != -EBADF)
		return DIFFERS("it was not closed");
	if (!ret && *w.received > OPS)
		return DIFFERS("%u packets", *w.received);
	for (i = 0; !ret && i < *w.received; i++)
		note(&w.got[i]);
	settle(OPS - (ret ? 0 : *w.received));
	for (i = 0; i < OPS; i++) {
		struct overlapped o = overlapped(i);

		if (w.packets[i] != 1)
			return DIFFERS("%d packets of %u", w.packets[i], i);
		if (!w.faults.injected && (o.state != STATUS_IS_ABORTED || o.bytes))
			return DIFFERS("state %#llx of %u", o.state, i);
	}
	return w.last.internal != STATUS_IS_ABORTED || w.foreign || pending() ?
	       DIFFERS("status %#llx, %lld pend", w.last.internal, pending()) : "";
}

static const struct scenario closing = {
	.prepare = prepare_close,
	.act = act_close,
	.differs = close_differs,
	.type = TYPE_STREAM,
};

/* Without an event it is carried out by who harvests the socket's port. */
static int prepare_harvest(void)
{
	write_submit(SOCKIOCP_SUBMIT_RECEIVE, HELLO);
	w.submit->flags = 0;
	w.submit->event = 0;
	/* Not from the memory that fails: that is for the harvest. */
	w.submit->buffers = (uintptr_t)w.buffer;
	if (operation_submit(w.home, w.submit) != 1 ||
	    sock_send(w.fd[1], "hello", HELLO) != HELLO || !sock_queued(w.fd[0], HELLO, COMES))
		return -1;
	write_harvest(1);
	return 0;
}

static const char *harvest_differs(int ret)
{
	/* It may have gone home after 10 ms. */
	if (ret && ret != -ETIME && !is_clear(ret))
		return DIFFERS("returned %d", ret);
	if (!ret && *w.received == 1)
		note(w.got);
	else if (!ret)
		return DIFFERS("%u packets", *w.received);
	settle(!w.packets[0]);
	return receive_ended_badly(1);
}

static const struct scenario harvesting = {
	.prepare = prepare_harvest,
	.act = act_harvest,
	.differs = harvest_differs,
	.type = TYPE_STREAM,
};

/* ---------------------------------------------------------------- the sweep */

static int open_all(const struct scenario *s)
{
	w.port = device_open();
	w.home = device_open();
	w.event = eventfd(0, EFD_CLOEXEC);
	if (s->type == TYPE_DGRAM ? unix_pair(TYPE_DGRAM, w.fd) : tcp_pair(FAM_INET, w.fd, 0))
		return -1;
	return operation_associate(w.port, w.fd[0], KEY);
}

static void close_all(void)
{
	fd_close(w.fd[0]);
	fd_close(w.fd[1]);
	fd_close(w.event);
	fd_close(w.port);
	fd_close(w.home);
}

/* One call with the n-th thing failing.  "" unless something is wrong. */
static const char *try_fault(const struct scenario *s, int nth)
{
	const char *text;
	int ret;

	lay_out();
	if (open_all(s) || s->prepare())
		return DIFFERS("cannot be prepared");
	ret = faults_arm(&w.faults, w.how, nth);
	if (ret)
		return DIFFERS("no fault to be had: %d", ret);
	ret = s->act();
	if (faults_disarm(&w.faults))
		w.injected[w.how]++;
	text = s->differs(ret);
	close_all();
	faults_rest(&w.faults);
	return text;
}

static const char *sweep(const struct scenario *s)
{
	static const char *const name[] = {
		[FAULT_NO_ACCESS] = "no access",
		[FAULT_READ_ONLY] = "read-only",
		[FAULT_IN_KERNEL] = "in the kernel",
	};
	static char where[384];
	const char *text;
	int nth = 0;

	do {
		text = try_fault(s, ++nth);
		if (*text) {
			snprintf(where, sizeof(where), "%s, fault %d, cut %u: %s", name[w.how], nth,
				 w.cut, text);
			return where;
		}
	} while (w.faults.injected);
	return "";
}

static const char *sweep_all(const struct scenario *s)
{
	static const unsigned int cut[] = { 8, 48, 80 };
	const char *text = "";
	unsigned int i;

	for (w.how = 0; w.how < FAULTS && !*text; w.how++) {
		if (fault_missing(w.how))
			continue;
		/* What the kernel allocates does not depend on the cut. */
		for (i = 0; i < (w.how == FAULT_IN_KERNEL ? 1 : ARRAY_SIZE(cut)) && !*text; i++) {
			w.cut = cut[i];
			text = sweep(s);
		}
	}
	printf("# faults injected: no access %u, read-only %u, in the kernel %u\n",
	       w.injected[FAULT_NO_ACCESS], w.injected[FAULT_READ_ONLY],
	       w.injected[FAULT_IN_KERNEL]);
	fflush(stdout);
	return text;
}

FIXTURE(operation_faults) {
	long long limit;
};

FIXTURE_SETUP(operation_faults)
{
	int ret = faults_open(&w.faults);

	if (ret == -EPERM)
		SKIP(return, "only root can catch page faults of the kernel");
	ASSERT_EQ(0, ret);
	self->limit = param_get("max_user_operations");
	/* What stays charged is missed sooner or later. */
	ASSERT_EQ(0, param_set("max_user_operations", LIMIT));
}

FIXTURE_TEARDOWN(operation_faults)
{
	EXPECT_EQ(0, param_set("max_user_operations", self->limit));
}

#define SWEEPS(name, scenario)						\
	TEST_F_TIMEOUT(operation_faults, name, 300)			\
	{								\
		EXPECT_STREQ("", sweep_all(&(scenario)));		\
		EXPECT_LT(0, w.injected[FAULT_NO_ACCESS]);		\
		if (!fault_missing(FAULT_IN_KERNEL))			\
			EXPECT_LT(0, w.injected[FAULT_IN_KERNEL]);	\
	}

SWEEPS(receive_pends_or_fails, receiving_later)
SWEEPS(receive_of_what_is_there_loses_nothing, receiving_now)
SWEEPS(send_is_whole_or_fails, sending)
SWEEPS(datagram_is_sent_once_or_not, sending_a_datagram)
SWEEPS(batch_says_what_it_has_submitted, batching)
SWEEPS(cancel_ends_all_or_none, cancelling)
SWEEPS(association_is_made_or_not, associating)
SWEEPS(modes_are_set_or_not, setting_modes)
SWEEPS(close_ends_all_and_each_is_told, closing)
SWEEPS(harvest_loses_no_operation, harvesting)

TEST_HARNESS_MAIN
