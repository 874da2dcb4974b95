/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * How these headers declare what Windows has and this library has not: whoever
 * uses it is told so by the compiler, and what to do instead.
 *
 * The lists are in absent/, one for each of Windows' libraries.  A function
 * that the library gets is taken off its list and declared in the header where
 * Windows declares it; both at once is an error of the compiler's.  The table in
 * Documentation/windows-functions.rst is made from the lists and the headers:
 *
 *	lib/list-functions > Documentation/windows-functions.rst
 *
 *	__SOCKIOCP_ABSENT(type, name)		one function, and what it returns
 *	__SOCKIOCP_ABSENT_AW(type, name)	nameA, nameW, and name, which is either
 *
 * What to do instead is the string __SOCKIOCP_ADVICE, the same for a group.
 *
 * A program that has such functions of its own defines SOCKIOCP_OWN_FUNCTIONS.
 */
#ifndef _SOCKIOCP_ABSENT_H
#define _SOCKIOCP_ABSENT_H

/*
 * In C, to use such a name is an error, with a GCC before 12 to call it.  In C++,
 * to call it in code that comes to be: libraries of headers are full of inline
 * functions that nobody calls.
 */
#define __SOCKIOCP_UNAVAILABLE(advice) \
	__attribute__((__error__("sockiocp does not have it; " advice)))
#if !defined(__cplusplus) && defined(__has_attribute)
#if __has_attribute(__unavailable__)
#undef __SOCKIOCP_UNAVAILABLE
#define __SOCKIOCP_UNAVAILABLE(advice) \
	__attribute__((__unavailable__("sockiocp does not have it; " advice)))
#endif
#endif

/* Takes any arguments, so that nothing is said about them. */
#if defined(__cplusplus) || __STDC_VERSION__ > 201710L
#define __SOCKIOCP_ANYTHING	...
#else
#define __SOCKIOCP_ANYTHING
#endif

#ifdef SOCKIOCP_OWN_FUNCTIONS
#define __SOCKIOCP_ABSENT_LIKE(type, declaration)
#else
#define __SOCKIOCP_ABSENT_LIKE(type, declaration) \
	type declaration __SOCKIOCP_UNAVAILABLE(__SOCKIOCP_ADVICE);
#endif

#define __SOCKIOCP_ABSENT(type, name) \
	__SOCKIOCP_ABSENT_LIKE(type, name(__SOCKIOCP_ANYTHING))

#define __SOCKIOCP_ABSENT_AW(type, name) \
	__SOCKIOCP_ABSENT(type, name) \
	__SOCKIOCP_ABSENT(type, name##A) \
	__SOCKIOCP_ABSENT(type, name##W)

#endif /* _SOCKIOCP_ABSENT_H */
