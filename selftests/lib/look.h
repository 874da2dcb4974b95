/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What does the state of a socket mean?  A look registers a socket in a port of
 * its own and compares masks in full, in one of three ways:
 *
 *   LOOK_ANEW	LEVEL, a new registration for each look: what the state itself says
 *   LOOK_STAYS	LEVEL, one registration from before the first change: the change
 *		must have been noticed
 *   LOOK_EDGE	EDGE, one registration: what rose since the look before
 */
#ifndef SELFTESTS_LIB_LOOK_H
#define SELFTESTS_LIB_LOOK_H

#include "port.h"

#define LOOK_KEY	0x5157

enum way {
	LOOK_ANEW,
	LOOK_STAYS,
	LOOK_EDGE,
};

struct look {
	enum way way;
	/* Under EDGE these may be reported when they held before: not asked for. */
	UINT16 loose;

	HANDLE port;
	int fd;
	UINT16 filter;
};

DWORD look_begin(struct look *look, int fd, UINT16 filter);
const char *look_differs(struct look *look, DWORD holds, DWORD rose);

/* LEVEL reports what holds, EDGE what rose; 0 is "no packet". */
#define EXPECT_STATE(look, holds, rose)					\
	EXPECT_STREQ("", look_differs(look, holds, rose))
/* The same again: LEVEL reports it again, EDGE does not. */
#define EXPECT_STILL(look, holds)					\
	EXPECT_STREQ("", look_differs(look, holds, 0))

/* The socket that self looks at has lost its peer. */
#define CLOSE_PEER()							\
	do {								\
		fd_close(self->peer);					\
		self->peer = -1;					\
	} while (0)

#endif /* SELFTESTS_LIB_LOOK_H */
