/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* A part of <winsock2.h>, which has it all. */
#include "winsock2.h"
