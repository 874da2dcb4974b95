/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * Assertions, and a heap that looks for leaks.  Without _DEBUG, on Windows too,
 * all of it is nothing; with it assertions are <assert.h>'s, and for leaks there
 * are -fsanitize=address and valgrind.
 */
#ifndef _SOCKIOCP_CRTDBG_H
#define _SOCKIOCP_CRTDBG_H

#define _CRT_WARN			0
#define _CRT_ERROR			1
#define _CRT_ASSERT			2
#define _CRTDBG_MODE_FILE		0x1
#define _CRTDBG_MODE_DEBUG		0x2
#define _CRTDBG_MODE_WNDW		0x4
#define _CRTDBG_ALLOC_MEM_DF		0x01
#define _CRTDBG_DELAY_FREE_MEM_DF	0x02
#define _CRTDBG_CHECK_ALWAYS_DF		0x04
#define _CRTDBG_CHECK_CRT_DF		0x10
#define _CRTDBG_LEAK_CHECK_DF		0x20
#define _CRTDBG_REPORT_FLAG		(-1)

#ifdef _DEBUG
#include <assert.h>
#define _ASSERT(expression)		assert(expression)
#define _ASSERTE(expression)		assert(expression)
#else
#define _ASSERT(expression)		((void)0)
#define _ASSERTE(expression)		((void)0)
#endif
#define _ASSERT_EXPR(expression, text)	_ASSERT(expression)

#define _CrtSetDbgFlag(flags)		((int)0)
#define _CrtSetReportMode(type, mode)	((int)0)
#define _CrtSetReportFile(type, file)	((void)0)
#define _CrtSetBreakAlloc(number)	((long)0)
#define _CrtDumpMemoryLeaks()		((int)0)
#define _CrtCheckMemory()		((int)1)

#endif /* _SOCKIOCP_CRTDBG_H */
