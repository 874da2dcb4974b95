// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Requests and responses: see http.h.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

/* No response is longer; what has less room waits for the ones before it. */
#define MAX_RESPONSE	2048

static const char page[] =
	"<!DOCTYPE html>\n"
	"<title>sockiocp</title>\n"
	"<h1>It works</h1>\n"
	"<p>This page was served from one completion port by several threads,\n"
	"each of which re-arms its sockets and takes its next batch of events\n"
	"in a single call of ProcessSocketNotifications().</p>\n";

/* Returns whether @text begins with @word, which is in small letters. */
static bool BeginsWith(const char *text, const char *word)
{
	while (*word)
		if (tolower((unsigned char)*text++) != *word++)
			return false;
	return true;
}

/*
 * Returns the value of a header, up to the end of its line, or NULL.  @name is
 * in small letters and includes the colon; the header ends in an empty line.
 */
static const char *FindHeader(const char *request, const char *name)
{
	const char *line = strstr(request, "\r\n");

	for (; line; line = strstr(line, "\r\n")) {
		line += 2;
		if (BeginsWith(line, name)) {
			line += strlen(name);
			return line + strspn(line, " \t");
		}
	}
	return NULL;
}

static void Respond(HTTP *http, const char *status,
		    const char *type, const char *body, bool withBody)
{
	int length;

	length = snprintf(http->output + http->outputLength,
			  MAX_RESPONSE,
			  "HTTP/1.1 %s\r\n"
			  "Content-Type: %s\r\n"
			  "Content-Length: %u\r\n"
			  "%s\r\n%s",
			  status, type, (unsigned int)strlen(body),
			  http->closing ? "Connection: close\r\n" : "",
			  withBody ? body : "");
	http->outputLength += (size_t)length;
}

/* Refuses a request after which nothing more can be understood. */
static void Refuse(HTTP *http, const char *status)
{
	http->closing = true;
	Respond(http, status, "text/plain", "", true);
}

static void RespondStats(HTTP *http, bool withBody)
{
	char body[MAX_RESPONSE / 2];

	PrintStats(body, sizeof(body));
	Respond(http, "200 OK", "text/plain", body, withBody);
}

/*
 * Answers one request: its header, as text, without the empty line.  Sets *quit
 * if it asks the server to end.
 */
static void AnswerRequest(HTTP *http, char *header, bool *quit)
{
	const char *field = FindHeader(header, "connection:");
	char method[16], target[256];
	int minor, end = 0;
	bool withBody;

	if (sscanf(header, "%15[A-Z] %255[!-~] HTTP/1.%1d%n", method, target,
		   &minor, &end) != 3 ||
	    (header[end] != '\r' && header[end] != '\0')) {
		Refuse(http, "400 Bad Request");
		return;
	}
	if (FindHeader(header, "transfer-encoding:")) {
		Refuse(http, "501 Not Implemented");
		return;
	}
	if (minor == 0)
		http->closing = !field || !BeginsWith(field, "keep-alive");
	else
		http->closing = field && BeginsWith(field, "close");

	withBody = strcmp(method, "HEAD") != 0;
	if (withBody && strcmp(method, "GET")) {
		Respond(http, "405 Method Not Allowed\r\nAllow: GET, HEAD",
			"text/plain", "", true);
	} else if (!strcmp(target, "/")) {
		Respond(http, "200 OK", "text/html", page, withBody);
	} else if (!strcmp(target, "/stats")) {
		RespondStats(http, withBody);
	} else if (!strcmp(target, "/quit")) {
		http->closing = true;
		*quit = true;
		Respond(http, "200 OK", "text/plain", "Goodbye.\n",
			withBody);
	} else {
		Respond(http, "404 Not Found", "text/plain",
			"There is no such page.\n", withBody);
	}
}

/* Reads Content-Length, if there is one.  Returns false if it is no number. */
static bool ReadBodyLength(const char *header, size_t *length)
{
	const char *field = FindHeader(header, "content-length:");
	char *end;

	*length = 0;
	if (!field)
		return true;
	if (!isdigit((unsigned char)*field))
		return false;
	*length = (size_t)strtoull(field, &end, 10);
	return *end == '\r' || *end == '\0';
}

/* Drops the first @length bytes of the input. */
static void Consume(HTTP *http, size_t length)
{
	http->inputLength -= length;
	memmove(http->input, http->input + length,
		http->inputLength);
}

/* Skips what has arrived of a body.  Returns whether that was all of it. */
static bool SkipBody(HTTP *http)
{
	size_t length = http->bodyLeft;

	if (length > http->inputLength)
		length = http->inputLength;
	Consume(http, length);
	http->bodyLeft -= length;
	return http->bodyLeft == 0;
}

/*
 * Answers the requests that have arrived in full, as far as there is room for
 * the responses.  A part of a request stays where it is, for the rest to follow.
 */
int AnswerRequests(HTTP *http, bool *quit)
{
	int answered = 0;
	char *end;

	while (!http->closing && SkipBody(http) &&
	       OUTPUT_SIZE - http->outputLength >= MAX_RESPONSE) {
		/* There is always room for this one: see http.h. */
		http->input[http->inputLength] = '\0';
		end = strstr(http->input, "\r\n\r\n");
		if (!end) {
			if (strlen(http->input) < http->inputLength)
				Refuse(http, "400 Bad Request");
			else if (http->inputLength == INPUT_SIZE - 1)
				Refuse(http,
				       "431 Request Header Fields Too Large");
			break;
		}

		*end = '\0';
		answered++;
		if (ReadBodyLength(http->input, &http->bodyLeft))
			AnswerRequest(http, http->input, quit);
		else
			Refuse(http, "400 Bad Request");
		Consume(http, (size_t)(end - http->input) + 4);
	}
	return answered;
}
