/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/* Another spelling of <intrin.h>, which does not matter on Windows. */
#include "intrin.h"
