// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Remote procedure calls, with zero-byte reads on a completion port: while nothing is to be
 * read no buffer is locked for a connection, and when something is there the socket is read
 * without blocking until it is empty.  Calls may be sent before earlier ones are answered;
 * a number in front of each tells which answer is whose.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BODY	4096
#define SERVER_THREADS	2
#define CLIENTS		6
#define CALLS		40

enum method { METHOD_ADD = 1, METHOD_REVERSE, METHOD_CHECKSUM };
enum status { STATUS_OK, STATUS_NO_METHOD, STATUS_BAD_ARGUMENT };

#pragma pack(push, 1)
struct header {
	uint32_t length;	/* of what follows the header; all in network byte order */
	uint32_t call;
	uint16_t what;		/* the method, or the status */
};
#pragma pack(pop)

struct connection {
	OVERLAPPED ov;
	SOCKET sock;
	DWORD have;
	char in[sizeof(struct header) + MAX_BODY];
	char out[sizeof(struct header) + MAX_BODY];
};

static HANDLE port;
static SOCKADDR_IN address;
static LONG connections, zero_reads, calls_served;

static BOOL wait_for_data(struct connection *c)
{
	WSABUF nothing = { 0, NULL };
	DWORD flags = 0;

	ZeroMemory(&c->ov, sizeof(c->ov));
	InterlockedIncrement(&zero_reads);
	return WSARecv(c->sock, &nothing, 1, NULL, &flags, &c->ov, NULL) == 0 ||
	       WSAGetLastError() == WSA_IO_PENDING;
}

static int send_fully(SOCKET s, const char *data, int size)
{
	while (size > 0) {
		int n = send(s, data, size, 0);

		if (n == SOCKET_ERROR && WSAGetLastError() == WSAEWOULDBLOCK) {
			WSAPOLLFD fd = { s, POLLWRNORM, 0 };

			WSAPoll(&fd, 1, 1000);
			continue;
		}
		if (n <= 0)
			return 0;
		data += n;
		size -= n;
	}
	return 1;
}

static DWORD add(const char *in, DWORD length, char *out)
{
	uint32_t sum = 0, value;
	DWORD i;

	for (i = 0; i < length; i += 4) {
		memcpy(&value, in + i, 4);
		sum += ntohl(value);
	}
	sum = htonl(sum);
	memcpy(out, &sum, 4);
	return 4;
}

static DWORD reverse(const char *in, DWORD length, char *out)
{
	DWORD i;

	for (i = 0; i < length; i++)
		out[i] = in[length - 1 - i];
	return length;
}

static DWORD checksum(const char *in, DWORD length, char *out)
{
	uint32_t sum = 1;

	while (length--)
		sum = sum * 33 + (unsigned char)*in++;
	sum = htonl(sum);
	memcpy(out, &sum, 4);
	return 4;
}

static BOOL serve_call(struct connection *c, const struct header *call, const char *body)
{
	struct header answer = { 0, call->call, STATUS_OK };
	DWORD length = ntohl(call->length), size = 0;
	char *out = c->out + sizeof(answer);

	switch (ntohs(call->what)) {
	case METHOD_ADD:
		if (length % 4)
			answer.what = htons(STATUS_BAD_ARGUMENT);
		else
			size = add(body, length, out);
		break;
	case METHOD_REVERSE:
		size = reverse(body, length, out);
		break;
	case METHOD_CHECKSUM:
		size = checksum(body, length, out);
		break;
	default:
		answer.what = htons(STATUS_NO_METHOD);
	}
	answer.length = htonl(size);
	memcpy(c->out, &answer, sizeof(answer));
	InterlockedIncrement(&calls_served);
	return send_fully(c->sock, c->out, (int)(sizeof(answer) + size));
}

/* All calls that have come whole; what is left stays for next time. */
static BOOL serve_calls(struct connection *c)
{
	DWORD at = 0, length;
	struct header call;

	while (c->have - at >= sizeof(call)) {
		memcpy(&call, c->in + at, sizeof(call));
		length = ntohl(call.length);
		if (length > MAX_BODY)
			return FALSE;
		if (c->have - at < sizeof(call) + length)
			break;
		if (!serve_call(c, &call, c->in + at + sizeof(call)))
			return FALSE;
		at += sizeof(call) + length;
	}
	memmove(c->in, c->in + at, c->have - at);
	c->have -= at;
	return TRUE;
}

static BOOL read_all(struct connection *c)
{
	int n;

	while ((n = recv(c->sock, c->in + c->have, (int)(sizeof(c->in) - c->have), 0)) > 0) {
		c->have += (DWORD)n;
		if (!serve_calls(c))
			return FALSE;
	}
	return n == SOCKET_ERROR && WSAGetLastError() == WSAEWOULDBLOCK;
}

static DWORD WINAPI server(void *arg)
{
	struct connection *c;
	OVERLAPPED *ov;
	DWORD bytes;

	(void)arg;
	for (;;) {
		BOOL ok = GetQueuedCompletionStatus(port, &bytes, (PULONG_PTR)&c, &ov, INFINITE);

		if (c == NULL)
			return 0;
		if (ok && bytes == 0 && read_all(c) && wait_for_data(c))
			continue;
		closesocket(c->sock);
		free(c);
		InterlockedDecrement(&connections);
	}
}

static int accept_client(SOCKET listener)
{
	struct connection *c = calloc(1, sizeof(*c));
	u_long non_blocking = 1;

	c->sock = accept(listener, NULL, NULL);
	InterlockedIncrement(&connections);
	return c->sock != INVALID_SOCKET && !ioctlsocket(c->sock, FIONBIO, &non_blocking) &&
	       CreateIoCompletionPort((HANDLE)c->sock, port, (ULONG_PTR)c, 0) != NULL &&
	       wait_for_data(c);
}

/* ---- The clients ---- */

static DWORD body_of(int client, int call, char *body)
{
	DWORD length = (DWORD)(call * 37 % 800) * 4, i;

	for (i = 0; i < length; i++)
		body[i] = (char)(i * 3 + (DWORD)(call * 5 + client));
	return length;
}

static int method_of(int call)
{
	return call % 4 == 3 ? 99 : call % 4 + 1;
}

static DWORD WINAPI send_calls(void *arg)
{
	SOCKET s = ((SOCKET *)arg)[0];
	char data[sizeof(struct header) + MAX_BODY];
	int client = (int)((SOCKET *)arg)[1], i;

	for (i = 0; i < CALLS; i++) {
		DWORD length = body_of(client, i, data + sizeof(struct header)), first;
		struct header call = { htonl(length), htonl((uint32_t)i),
				       htons((uint16_t)method_of(i)) };

		memcpy(data, &call, sizeof(call));
		length += sizeof(call);
		/* In pieces, so that headers and bodies are torn. */
		first = (DWORD)i % length;
		if (!send_fully(s, data, (int)first))
			return 1;
		if (i % 8 == 0)
			Sleep(1);
		if (!send_fully(s, data + first, (int)(length - first)))
			return 1;
	}
	return 0;
}

static BOOL answer_is_right(int client, int call, const struct header *answer, const char *got)
{
	char body[MAX_BODY], right[MAX_BODY];
	DWORD length = body_of(client, call, body), size = 0;

	if (ntohl(answer->call) != (uint32_t)call)
		return FALSE;
	switch (method_of(call)) {
	case METHOD_ADD: size = add(body, length, right); break;
	case METHOD_REVERSE: size = reverse(body, length, right); break;
	case METHOD_CHECKSUM: size = checksum(body, length, right); break;
	default: return ntohs(answer->what) == STATUS_NO_METHOD && answer->length == 0;
	}
	return ntohs(answer->what) == STATUS_OK && ntohl(answer->length) == size &&
	       memcmp(got, right, size) == 0;
}

static DWORD WINAPI client(void *arg)
{
	SOCKET context[2] = { socket(AF_INET, SOCK_STREAM, 0), (SOCKET)arg };
	struct header answer;
	char body[MAX_BODY];
	HANDLE sender;
	int i, size;

	if (connect(context[0], (SOCKADDR *)&address, sizeof(address)) == SOCKET_ERROR)
		return 1;
	sender = CreateThread(NULL, 0, send_calls, context, 0, NULL);
	for (i = 0; i < CALLS; i++) {
		if (recv(context[0], (char *)&answer, sizeof(answer), MSG_WAITALL) != sizeof(answer))
			return 2;
		size = (int)ntohl(answer.length);
		if (size > MAX_BODY || (size && recv(context[0], body, size, MSG_WAITALL) != size))
			return 3;
		if (!answer_is_right((int)context[1], i, &answer, body))
			return 4;
	}
	WaitForSingleObject(sender, INFINITE);
	CloseHandle(sender);
	/* A call that is too long ends the connection. */
	answer.length = 0xffffffff;
	send(context[0], (char *)&answer, sizeof(answer), 0);
	if (recv(context[0], body, 1, 0) > 0)
		return 5;
	closesocket(context[0]);
	return 0;
}

int main(void)
{
	HANDLE servers[SERVER_THREADS], clients[CLIENTS];
	int len = sizeof(address), failures = 0, i;
	SOCKET listener;
	WSADATA data;
	DWORD code;

	if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
		return 1;
	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (SOCKADDR *)&address, len) || listen(listener, CLIENTS) ||
	    getsockname(listener, (SOCKADDR *)&address, &len))
		return 1;
	for (i = 0; i < SERVER_THREADS; i++)
		servers[i] = CreateThread(NULL, 0, server, NULL, 0, NULL);
	for (i = 0; i < CLIENTS; i++)
		clients[i] = CreateThread(NULL, 0, client, (void *)(INT_PTR)i, 0, NULL);
	for (i = 0; i < CLIENTS; i++)
		failures += !accept_client(listener);
	WaitForMultipleObjects(CLIENTS, clients, TRUE, 20000);
	for (i = 0; i < CLIENTS; i++) {
		if (!GetExitCodeThread(clients[i], &code) || code != 0) {
			printf("# client %d: %d\n", i, (int)code);
			failures++;
		}
		CloseHandle(clients[i]);
	}
	for (i = 0; i < 5000 && connections; i++)
		Sleep(1);
	if (connections || calls_served != CLIENTS * CALLS || zero_reads < CLIENTS) {
		printf("# %d connections, %d calls, %d reads of nothing\n", (int)connections,
		       (int)calls_served, (int)zero_reads);
		failures++;
	}
	for (i = 0; i < SERVER_THREADS; i++)
		PostQueuedCompletionStatus(port, 0, 0, NULL);
	if (WaitForMultipleObjects(SERVER_THREADS, servers, TRUE, 5000) != WAIT_OBJECT_0)
		failures++;
	closesocket(listener);
	CloseHandle(port);
	WSACleanup();
	printf("%s 1 zero_byte_rpc.calls_are_answered\n1..1\n", failures ? "not ok" : "ok");
	return failures != 0;
}
