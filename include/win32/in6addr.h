/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* A part of <ws2tcpip.h>, which has it all. */
#include "ws2tcpip.h"
