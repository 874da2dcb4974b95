// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Whom SetEvent() releases, in pure Win32: a wait is over when the event is set, and not when
 * its thread has run.  Random waits and settings are compared with a model.
 */
#include <windows.h>

#include "threads.h"

#define PROGRAM "releasing"

enum { AUTO, OTHER_AUTO, MANUAL, OTHER_MANUAL, EVENTS };
enum { WAITS = 5, ROUNDS = 12, OPERATIONS = 6 };

static HANDLE event[EVENTS];

struct wait {
	HANDLE thread;
	int which[EVENTS];
	DWORD count;
	BOOL all;
	/* Of the model. */
	BOOL is_released;
	DWORD result;
};

static void make_events(void)
{
	int i;

	for (i = 0; i < EVENTS; i++)
		event[i] = CreateEventA(NULL, i >= MANUAL, FALSE, NULL);
}

static void close_events(void)
{
	int i;

	for (i = 0; i < EVENTS; i++)
		EXPECT(CloseHandle(event[i]));
}

static DWORD WINAPI wait_for_some(LPVOID argument)
{
	struct wait *wait = argument;
	HANDLE handle[EVENTS];
	DWORD i;

	for (i = 0; i < wait->count; i++)
		handle[i] = event[wait->which[i]];
	return WaitForMultipleObjects(wait->count, handle, wait->all, INFINITE);
}

/* ------------------------------------------------------------------------ the model */

static unsigned int seed;

static unsigned int below(unsigned int n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

static BOOL is_set[EVENTS];

static BOOL has(const struct wait *wait, int which, DWORD *place)
{
	for (*place = 0; *place < wait->count; ++*place)
		if (wait->which[*place] == which)
			return TRUE;
	return FALSE;
}

/* Ends a wait if it can end, and resets what that resets. */
static BOOL release(struct wait *wait, DWORD place)
{
	DWORD i;

	for (i = 0; wait->all && i < wait->count; i++)
		if (!is_set[wait->which[i]])
			return FALSE;
	for (i = 0; i < wait->count; i++)
		if ((wait->all || i == place) && wait->which[i] < MANUAL)
			is_set[wait->which[i]] = FALSE;
	wait->is_released = TRUE;
	wait->result = WAIT_OBJECT_0 + (wait->all ? 0 : place);
	return TRUE;
}

static void model_set(struct wait *wait, int which)
{
	DWORD place;
	int i;

	is_set[which] = TRUE;
	for (i = 0; i < WAITS && is_set[which]; i++)
		if (!wait[i].is_released && has(&wait[i], which, &place))
			release(&wait[i], place);
}

/* ------------------------------------------------------------------- both side by side */

/* pause: in milliseconds, in which a thread comes to sleep. */
static void begin(struct wait *wait, DWORD pause)
{
	int i, j, which;
	DWORD place;

	for (i = 0; i < EVENTS; i++) {
		ResetEvent(event[i]);
		is_set[i] = FALSE;
	}
	for (i = 0; i < WAITS; i++) {
		wait[i].count = 0;
		wait[i].is_released = FALSE;
		wait[i].all = !below(3);
		for (j = 1 + (int)below(3); j; j--) {
			which = (int)below(EVENTS);
			if (!has(&wait[i], which, &place))
				wait[i].which[wait[i].count++] = which;
		}
		wait[i].thread = start(wait_for_some, &wait[i]);
		/* In this order. */
		Sleep(pause);
	}
	Sleep(STAYS / 2);
}

static void operate(struct wait *wait)
{
	int i, which;

	for (i = 0; i < OPERATIONS; i++) {
		which = (int)below(EVENTS);
		if (below(4)) {
			SetEvent(event[which]);
			model_set(wait, which);
		}
		if (below(2)) {
			ResetEvent(event[which]);
			is_set[which] = FALSE;
		}
	}
}

/* Are those released that the model says, by what it says, and is set what it says? */
static BOOL is_as_modelled(const struct wait *wait)
{
	BOOL same = TRUE;
	DWORD result;
	int i;

	for (i = 0; i < WAITS; i++) {
		if (!wait[i].is_released)
			continue;
		same &= WaitForSingleObject(wait[i].thread, COMES) == WAIT_OBJECT_0 &&
			GetExitCodeThread(wait[i].thread, &result) && result == wait[i].result;
	}
	Sleep(5);
	for (i = 0; i < WAITS; i++)
		if (!wait[i].is_released)
			same &= WaitForSingleObject(wait[i].thread, 0) == WAIT_TIMEOUT;
	for (i = 0; i < EVENTS; i++)
		same &= (WaitForSingleObject(event[i], 0) == WAIT_OBJECT_0) == is_set[i];
	return same;
}

static void end_all(struct wait *wait)
{
	int i, j;

	for (i = 0; i < WAITS; i++) {
		do {
			for (j = 0; j < EVENTS; j++)
				SetEvent(event[j]);
		} while (WaitForSingleObject(wait[i].thread, 10) != WAIT_OBJECT_0);
		EXPECT(CloseHandle(wait[i].thread));
	}
}

static BOOL round_is_as_modelled(unsigned int number, DWORD pause)
{
	struct wait wait[WAITS];
	BOOL same;

	seed = number;
	begin(wait, pause);
	operate(wait);
	same = is_as_modelled(wait);
	end_all(wait);
	return same;
}

static void random_waits_end_as_in_the_model(void)
{
	unsigned int i;
	DWORD pause;

	make_events();
	for (i = 0; i < ROUNDS; i++) {
		/* A thread may not have come to sleep in time, on a busy machine. */
		for (pause = 10; pause <= 640; pause *= 4)
			if (round_is_as_modelled(i, pause))
				break;
		if (!EXPECT(pause <= 640))
			printf("# in round %u\n", i);
	}
	close_events();
}

int main(void)
{
	RUN(random_waits_end_as_in_the_model);
	return tap_end();
}
