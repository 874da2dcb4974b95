/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* A part of <winnt.h>, WIN32_NO_STATUS or not. */
#include "winnt.h"
