// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Completion ports for the tests: see port.h.
 */
#define _GNU_SOURCE
#include "port.h"

#include <stdio.h>
#include <sched.h>
#include <string.h>
#include <time.h>

_Static_assert(EV_IN == SOCK_NOTIFY_REGISTER_EVENT_IN, "IN");
_Static_assert(EV_OUT == SOCK_NOTIFY_REGISTER_EVENT_OUT, "OUT");
_Static_assert(EV_HANGUP == SOCK_NOTIFY_REGISTER_EVENT_HANGUP, "HANGUP");
_Static_assert(EV_ALL == SOCK_NOTIFY_REGISTER_EVENTS_ALL, "ALL");
_Static_assert(EV_IN == SOCK_NOTIFY_EVENT_IN, "IN");
_Static_assert(EV_OUT == SOCK_NOTIFY_EVENT_OUT, "OUT");
_Static_assert(EV_HANGUP == SOCK_NOTIFY_EVENT_HANGUP, "HANGUP");
_Static_assert(EV_ERR == SOCK_NOTIFY_EVENT_ERR, "ERR");
_Static_assert(EV_REMOVE == SOCK_NOTIFY_EVENT_REMOVE, "REMOVE");
_Static_assert(SOCK_NOTIFY_EVENTS_ALL == 0xc7, "EVENTS_ALL");
_Static_assert(T_ONESHOT == SOCK_NOTIFY_TRIGGER_ONESHOT, "ONESHOT");
_Static_assert(T_PERSISTENT == SOCK_NOTIFY_TRIGGER_PERSISTENT, "PERSISTENT");
_Static_assert(T_LEVEL == SOCK_NOTIFY_TRIGGER_LEVEL, "LEVEL");
_Static_assert(T_EDGE == SOCK_NOTIFY_TRIGGER_EDGE, "EDGE");
_Static_assert(OP_NONE == SOCK_NOTIFY_OP_NONE, "OP_NONE");
_Static_assert(OP_ENABLE == SOCK_NOTIFY_OP_ENABLE, "OP_ENABLE");
_Static_assert(OP_DISABLE == SOCK_NOTIFY_OP_DISABLE, "OP_DISABLE");
_Static_assert(OP_REMOVE == SOCK_NOTIFY_OP_REMOVE, "OP_REMOVE");

void sleep_once(void)
{
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);

	WaitForSingleObject(event, 1);
	CloseHandle(event);
}

HANDLE port_open(void)
{
	return CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
}

int port_fd(HANDLE port)
{
	return (int)(intptr_t)port;
}

long long port_told(HANDLE port, const char *name)
{
	return fdinfo_value(port_fd(port), name);
}

int port_becomes(HANDLE port, const char *name, long long value, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;

	while (port_told(port, name) != value) {
		if (now_ms() >= end)
			return 0;
		sleep_ms(1);
	}
	return 1;
}

SOCK_NOTIFY_REGISTRATION entry(int fd, ULONG_PTR key, UINT16 filter, UINT8 op,
			       UINT8 trigger)
{
	return (SOCK_NOTIFY_REGISTRATION) {
		.socket = (SOCKET)fd,
		.completionKey = (PVOID)key,
		.eventFilter = filter,
		.operation = op,
		.triggerFlags = trigger,
		.registrationResult = POISON32,
	};
}

/* One registration without a harvest; its result. */
DWORD apply(HANDLE port, int fd, ULONG_PTR key, UINT16 filter, UINT8 op,
	    UINT8 trigger)
{
	SOCK_NOTIFY_REGISTRATION reg = entry(fd, key, filter, op, trigger);
	DWORD ret;

	ret = ProcessSocketNotifications(port, 1, &reg, 0, 0, NULL, NULL);
	return ret ? CALL_FAILED | ret : reg.registrationResult;
}

DWORD enable(HANDLE port, int fd, ULONG_PTR key, UINT16 filter, UINT8 trigger)
{
	return apply(port, fd, key, filter, OP_ENABLE, trigger);
}

DWORD disable(HANDLE port, int fd)
{
	return apply(port, fd, 0, 0, OP_DISABLE, 0);
}

DWORD deregister(HANDLE port, int fd)
{
	return apply(port, fd, 0, 0, OP_REMOVE, 0);
}

static int poisoned(const void *data, size_t len)
{
	const unsigned char *byte = data;

	while (len--)
		if (*byte++ != POISON_BYTE)
			return 0;
	return 1;
}

static int same(const OVERLAPPED_ENTRY *got, const struct packet *want)
{
	return got->lpCompletionKey == want->key &&
	       (void *)got->lpOverlapped == want->overlapped &&
	       got->Internal == want->internal &&
	       got->dwNumberOfBytesTransferred == want->mask;
}

static const char *describe(char *text, size_t size, DWORD ret, UINT32 received,
			    const OVERLAPPED_ENTRY *got, size_t n)
{
	size_t used, i;

	used = snprintf(text, size, "returned %u, %u packets", ret, received);
	for (i = 0; i < n && i < received && used < size; i++)
		used += snprintf(text + used, size - used,
				 " {key %#llx mask %#x ov %#llx int %#llx}",
				 (unsigned long long)got[i].lpCompletionKey,
				 got[i].dwNumberOfBytesTransferred,
				 (unsigned long long)(uintptr_t)got[i].lpOverlapped,
				 (unsigned long long)got[i].Internal);
	return text;
}

const char *call_differs(HANDLE port, SOCK_NOTIFY_REGISTRATION *reg,
			 UINT32 count, DWORD timeout_ms,
			 const struct packet *want, size_t n)
{
	static __thread char text[1024];
	OVERLAPPED_ENTRY got[HARVEST_MAX];
	UINT32 received = POISON32;
	DWORD ret, expected = n ? ERROR_SUCCESS : WAIT_TIMEOUT;
	size_t i;

	memset(got, POISON_BYTE, sizeof(got));
	SetLastError(POISON32);
	ret = ProcessSocketNotifications(port, count, reg, timeout_ms,
					 HARVEST_MAX, got, &received);
	if (ret != expected || received != n)
		return describe(text, sizeof(text), ret, received, got,
				HARVEST_MAX);
	if (ret && GetLastError() != ret)
		return "the last error is not the one that was returned";
	for (i = 0; i < n; i++)
		if (!same(&got[i], &want[i]))
			return describe(text, sizeof(text), ret, received, got,
					HARVEST_MAX);
	if (!poisoned(got + n, sizeof(got) - n * sizeof(*got)))
		return "an entry behind the last packet was written";
	return "";
}

const char *packets_differ(HANDLE port, DWORD timeout_ms,
			   const struct packet *want, size_t n)
{
	return call_differs(port, NULL, 0, timeout_ms, want, n);
}

static void take(struct packet *packet, const OVERLAPPED_ENTRY *got)
{
	packet->key = got->lpCompletionKey;
	packet->mask = got->dwNumberOfBytesTransferred;
	packet->overlapped = got->lpOverlapped;
	packet->internal = got->Internal;
}

static void wait_psn(struct waiter *w)
{
	OVERLAPPED_ENTRY got;
	UINT32 received;

	memset(&got, POISON_BYTE, sizeof(got));
	w->code = ProcessSocketNotifications(w->port, w->reg_count, w->reg,
					     w->timeout, 1, &got, &received);
	take(&w->packet, &got);
}

static void wait_gqcs(struct waiter *w)
{
	OVERLAPPED *overlapped = (void *)(uintptr_t)POISON64;
	ULONG_PTR key = POISON64;
	DWORD bytes = POISON32;

	if (!GetQueuedCompletionStatus(w->port, &bytes, &key, &overlapped,
				       w->timeout))
		w->code = GetLastError();
	w->packet = (struct packet) {
		.key = key,
		.mask = bytes,
		.overlapped = overlapped,
	};
}

static void wait_gqcsex(struct waiter *w)
{
	OVERLAPPED_ENTRY got;
	ULONG removed;

	memset(&got, POISON_BYTE, sizeof(got));
	if (!GetQueuedCompletionStatusEx(w->port, &got, 1, &removed,
					 w->timeout, FALSE))
		w->code = GetLastError();
	take(&w->packet, &got);
}

static void *wait_once(void *arg)
{
	struct waiter *w = arg;
	int64_t start = now_ns();

	__atomic_store_n(&w->tid, thread_id(), __ATOMIC_RELEASE);
	w->code = 0;
	if (w->how == BY_GQCS)
		wait_gqcs(w);
	else if (w->how == BY_GQCSEX)
		wait_gqcsex(w);
	else
		wait_psn(w);
	w->elapsed_ns = now_ns() - start;
	if (w->stay) {
		__atomic_add_fetch(&w->stay->there, 1, __ATOMIC_RELAXED);
		while (!__atomic_load_n(&w->stay->may_end, __ATOMIC_RELAXED))
			sched_yield();
	}
	return NULL;
}

int stay_over(struct stay *stay, int count, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	int there;

	do {
		sleep_ms(1);
		there = __atomic_load_n(&stay->there, __ATOMIC_RELAXED);
	} while (there < count && now_ms() < end);
	__atomic_store_n(&stay->may_end, 1, __ATOMIC_RELAXED);
	return there == count;
}

int waiter_start(struct waiter *w)
{
	w->tid = 0;
	return pthread_create(&w->thread, NULL, wait_once, w);
}

/* 1 when the thread sleeps in the kernel, 0 if it does not come to that. */
int waiter_blocked(struct waiter *w)
{
	int64_t end = now_ms() + COMES;
	int tid;

	while (!(tid = __atomic_load_n(&w->tid, __ATOMIC_ACQUIRE))) {
		if (now_ms() >= end)
			return 0;
		sleep_ms(1);
	}
	return task_blocked(0, tid, COMES);
}

/* 0, or ETIMEDOUT if the thread does not end in time. */
int waiter_join(struct waiter *w, int timeout_ms)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += timeout_ms / 1000;
	end.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (end.tv_nsec >= 1000000000L) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000L;
	}
	return pthread_timedjoin_np(w->thread, NULL, &end);
}
