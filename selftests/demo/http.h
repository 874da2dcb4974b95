/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What the demo's web servers have to say, whatever brings the bytes: httpd.c, on a
 * completion port, and httpd_epoll.c.  No function here reads or writes a socket.
 *
 *	GET /		a page
 *	GET /stats	what the server has counted, as lines of name=number
 *	GET /quit	ends the server
 */
#ifndef SELFTESTS_DEMO_HTTP_H
#define SELFTESTS_DEMO_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define INPUT_SIZE	8192
#define OUTPUT_SIZE	8192

/* One connection. */
typedef struct HTTP {
	/* Nothing more is read; it ends when the output has been sent. */
	bool closing;
	/* Bytes of a request's body that are still to be skipped. */
	size_t bodyLeft;
	/* Requests: input[0, inputLength).  The last byte is never received into. */
	size_t inputLength;
	/* Responses not sent yet: output[outputSent, outputLength). */
	size_t outputSent;
	size_t outputLength;
	char input[INPUT_SIZE];
	char output[OUTPUT_SIZE];
} HTTP;

/* Returns how many were answered.  Sets *quit if one asks the server to end. */
int AnswerRequests(HTTP *http, bool *quit);

/* The server's own: what GET /stats says. */
void PrintStats(char *text, size_t size);

#endif /* SELFTESTS_DEMO_HTTP_H */
