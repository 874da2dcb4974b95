// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
#pragma once
#include <windows.h>

void LogOpen(void);
void LogLine(const TCHAR *format, ...);
