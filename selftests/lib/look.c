// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * What does the state of a socket mean?  See look.h.
 */
#include "look.h"

/* Tests wait until poll(2) sees a change; who was to be woken by it has been. */
#define SILENCE_MS	20

DWORD look_begin(struct look *look, int fd, UINT16 filter)
{
	look->fd = fd;
	look->filter = filter;
	look->port = port_open();
	if (!look->port)
		return CALL_FAILED | GetLastError();
	switch (look->way) {
	case LOOK_STAYS:
		return enable(look->port, fd, LOOK_KEY, filter,
			      T_LEVEL | T_PERSISTENT);
	case LOOK_EDGE:
		return enable(look->port, fd, LOOK_KEY, filter & ~look->loose,
			      T_EDGE | T_PERSISTENT);
	default:
		return 0;
	}
}

static const char *look_anew(struct look *look, const struct packet *want)
{
	SOCK_NOTIFY_REGISTRATION reg = entry(look->fd, LOOK_KEY, look->filter, OP_ENABLE,
					     T_LEVEL | T_ONESHOT);
	const char *text = call_differs(look->port, &reg, 1, 0, want, !!want->mask);

	if (reg.registrationResult)
		return "the registration failed";
	if (!CloseHandle(look->port))
		return "CloseHandle failed";
	look->port = port_open();
	return text;
}

/*
 * A registration that stays may have to wait; a new one sees it or not.  But poll(2)
 * sees the end of an MPTCP connection a moment before its state says so: those that
 * stay are woken for that, and a new one looks twice.
 */
const char *look_differs(struct look *look, DWORD holds, DWORD rose)
{
	DWORD mask = look->way == LOOK_EDGE ? rose & ~look->loose : holds;
	const struct packet want = { LOOK_KEY, mask };
	const char *text;

	if (look->way != LOOK_ANEW)
		return packets_differ(look->port, mask ? COMES : SILENCE_MS,
				      &want, !!mask);

	text = look_anew(look, &want);
	if (*text) {
		sleep_ms(SILENCE_MS);
		text = look_anew(look, &want);
	}
	return text;
}
