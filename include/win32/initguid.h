/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* From here on DEFINE_GUID defines. */
#ifndef INITGUID
#define INITGUID
#endif
#include "guiddef.h"
