// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A SOCKS5 proxy (RFC 1928: no authentication, CONNECT to an IPv4 address or a name) on a
 * completion port, with ConnectEx to where the client wants to go.  The self-test has an
 * echo server behind it, and clients that do what they may and what they may not.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE	4096
#define THREADS		3
#define CLIENTS		6
#define PAYLOAD		50000

enum { IO_HELLO, IO_HELLO_SENT, IO_REQUEST, IO_CONNECT, IO_REPLY_SENT, IO_REFUSAL_SENT,
       IO_RECV, IO_SEND };

struct session;

struct io {
	WSAOVERLAPPED ov;
	int what;
	struct session *session;
	SOCKET in, out;
	DWORD have, done;
	unsigned char data[BUFFER_SIZE];
};

struct session {
	LONG refs;
	SOCKET client, target;
	struct io up, down;
};

static HANDLE port;
static LPFN_CONNECTEX connect_ex;
static SOCKADDR_IN proxy_addr, echo_addr;
static volatile LONG sessions;

static void session_put(struct session *s)
{
	if (InterlockedDecrement(&s->refs) > 0)
		return;
	closesocket(s->client);
	if (s->target != INVALID_SOCKET)
		closesocket(s->target);
	free(s);
	InterlockedDecrement(&sessions);
}

/* Both return 0 if a packet will come. */
static int start_recv(struct io *io, SOCKET from, int what)
{
	DWORD flags = 0;
	WSABUF buf;

	buf.buf = (char *)io->data + io->have;
	buf.len = BUFFER_SIZE - io->have;
	io->what = what;
	memset(&io->ov, 0, sizeof(io->ov));
	if (buf.len == 0)
		return -1;
	return WSARecv(from, &buf, 1, NULL, &flags, &io->ov, NULL) == SOCKET_ERROR &&
	       WSAGetLastError() != WSA_IO_PENDING;
}

static int start_send(struct io *io, SOCKET to, int what)
{
	WSABUF buf;

	buf.buf = (char *)io->data + io->done;
	buf.len = io->have - io->done;
	io->what = what;
	memset(&io->ov, 0, sizeof(io->ov));
	return WSASend(to, &buf, 1, NULL, 0, &io->ov, NULL) == SOCKET_ERROR &&
	       WSAGetLastError() != WSA_IO_PENDING;
}

static int send_reply(struct io *io, int code)
{
	static const unsigned char reply[10] = { 5, 0, 0, 1 };

	memcpy(io->data, reply, sizeof(reply));
	io->data[1] = (unsigned char)code;
	io->have = sizeof(reply);
	io->done = 0;
	return start_send(io, io->session->client, code ? IO_REFUSAL_SENT : IO_REPLY_SENT);
}

static int start_connect(struct io *io, const SOCKADDR_IN *to)
{
	struct session *s = io->session;
	SOCKADDR_IN any = { 0 };

	any.sin_family = AF_INET;
	s->target = WSASocketA(AF_INET, SOCK_STREAM, 0, NULL, 0, WSA_FLAG_OVERLAPPED);
	if (s->target == INVALID_SOCKET || bind(s->target, (SOCKADDR *)&any, sizeof(any)) ||
	    !CreateIoCompletionPort((HANDLE)s->target, port, 0, 0))
		return send_reply(io, 1);
	io->what = IO_CONNECT;
	memset(&io->ov, 0, sizeof(io->ov));
	if (!connect_ex(s->target, (SOCKADDR *)to, sizeof(*to), NULL, 0, NULL, &io->ov) &&
	    WSAGetLastError() != ERROR_IO_PENDING)
		return send_reply(io, 5);
	return 0;
}

static int on_hello(struct io *io)
{
	if (io->have < 2 || io->have < 2u + io->data[1])
		return start_recv(io, io->session->client, IO_HELLO);
	if (io->data[0] != 5)
		return -1;
	io->data[1] = memchr(io->data + 2, 0, io->data[1]) ? 0 : 0xff;
	io->have = 2;
	io->done = 0;
	return start_send(io, io->session->client, IO_HELLO_SENT);
}

static int on_request(struct io *io)
{
	ADDRINFOA hints = { 0 }, *found;
	DWORD need = io->have < 5 ? 5 : io->data[3] == 3 ? 7u + io->data[4] : 10;
	SOCKADDR_IN to = { 0 };
	char name[256];

	if (io->have < need || need < 7)
		return start_recv(io, io->session->client, IO_REQUEST);
	if (io->data[0] != 5 || io->data[1] != 1)
		return send_reply(io, 7);
	to.sin_family = AF_INET;
	if (io->data[3] == 1) {
		memcpy(&to.sin_addr, io->data + 4, 4);
	} else if (io->data[3] == 3) {
		memcpy(name, io->data + 5, io->data[4]);
		name[io->data[4]] = '\0';
		hints.ai_family = AF_INET;
		if (getaddrinfo(name, NULL, &hints, &found) != 0)
			return send_reply(io, 4);
		to.sin_addr = ((SOCKADDR_IN *)found->ai_addr)->sin_addr;
		freeaddrinfo(found);
	} else {
		return send_reply(io, 8);
	}
	memcpy(&to.sin_port, io->data + need - 2, 2);
	return start_connect(io, &to);
}

static int on_connected(struct io *io, BOOL ok)
{
	if (!ok) {
		switch (GetLastError()) {
		case ERROR_CONNECTION_REFUSED: return send_reply(io, 5);
		case ERROR_NETWORK_UNREACHABLE: return send_reply(io, 3);
		default: return send_reply(io, 1);
		}
	}
	setsockopt(io->session->target, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0);
	return send_reply(io, 0);
}

/* From now on the two directions go their own ways. */
static int start_relay(struct session *s)
{
	s->up.in = s->down.out = s->client;
	s->up.out = s->down.in = s->target;
	s->up.have = s->down.have = 0;
	InterlockedIncrement(&s->refs);
	if (start_recv(&s->down, s->down.in, IO_RECV))
		session_put(s);
	return start_recv(&s->up, s->up.in, IO_RECV);
}

static int on_packet(struct io *io, BOOL ok, DWORD bytes)
{
	if (io->what == IO_CONNECT)
		return on_connected(io, ok);
	if (!ok) {
		/* One direction is broken: so is the other. */
		if (io->what >= IO_RECV)
			CancelIoEx((HANDLE)io->in, NULL), CancelIoEx((HANDLE)io->out, NULL);
		return -1;
	}
	switch (io->what) {
	case IO_HELLO:
	case IO_REQUEST:
		io->have += bytes;
		if (bytes == 0)
			return -1;
		return io->what == IO_HELLO ? on_hello(io) : on_request(io);
	case IO_HELLO_SENT:
		io->have = 0;
		return io->data[1] ? -1 : start_recv(io, io->session->client, IO_REQUEST);
	case IO_REPLY_SENT:
		return start_relay(io->session);
	case IO_RECV:
		if (bytes == 0) {
			shutdown(io->out, SD_SEND);
			return -1;
		}
		io->have = bytes;
		io->done = 0;
		return start_send(io, io->out, IO_SEND);
	case IO_SEND:
		io->done += bytes;
		if (io->done < io->have)
			return start_send(io, io->out, IO_SEND);
		io->have = 0;
		return start_recv(io, io->in, IO_RECV);
	}
	return -1;
}

static DWORD WINAPI worker(void *unused)
{
	OVERLAPPED *ov;
	ULONG_PTR key;
	DWORD bytes;

	(void)unused;
	for (;;) {
		BOOL ok = GetQueuedCompletionStatus(port, &bytes, &key, &ov, INFINITE);
		struct io *io;

		if (!ov)
			return 0;
		io = CONTAINING_RECORD(ov, struct io, ov);
		if (on_packet(io, ok, bytes))
			session_put(io->session);
	}
}

static DWORD WINAPI accept_loop(void *arg)
{
	SOCKET listener = *(SOCKET *)arg, client;

	while ((client = accept(listener, NULL, NULL)) != INVALID_SOCKET) {
		struct session *s = calloc(1, sizeof(*s));

		s->refs = 1;
		s->client = client;
		s->target = INVALID_SOCKET;
		s->up.session = s->down.session = s;
		InterlockedIncrement(&sessions);
		CreateIoCompletionPort((HANDLE)client, port, 0, 0);
		if (start_recv(&s->up, client, IO_HELLO))
			session_put(s);
	}
	return 0;
}

/* ---- The self-test ---- */

static SOCKET listen_on(SOCKADDR_IN *addr, unsigned short number)
{
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
	int len = sizeof(*addr);

	addr->sin_family = AF_INET;
	addr->sin_port = htons(number);
	addr->sin_addr.s_addr = inet_addr("127.0.0.1");
	if (bind(s, (SOCKADDR *)addr, sizeof(*addr)) || listen(s, SOMAXCONN) ||
	    getsockname(s, (SOCKADDR *)addr, &len))
		exit(1);
	return s;
}

static DWORD WINAPI echo_connection(void *arg)
{
	SOCKET s = (SOCKET)arg;
	char data[1000];
	int n;

	while ((n = recv(s, data, sizeof(data), 0)) > 0)
		send(s, data, n, 0);
	closesocket(s);
	return 0;
}

static DWORD WINAPI echo_server(void *arg)
{
	SOCKET listener = *(SOCKET *)arg, s;

	while ((s = accept(listener, NULL, NULL)) != INVALID_SOCKET)
		CloseHandle(CreateThread(NULL, 0, echo_connection, (void *)s, 0, NULL));
	return 0;
}

static int receive_all(SOCKET s, void *data, int size)
{
	return recv(s, data, size, MSG_WAITALL) == size;
}

/* Asks for a connection; the proxy's answer, or -1. */
static int ask(SOCKET s, int command, const char *name, const SOCKADDR_IN *to)
{
	unsigned char hello[] = { 5, 2, 2, 0 }, request[300] = { 5, 0, 0, 1 }, reply[10];
	int size = 4, i;

	request[1] = (unsigned char)command;
	if (connect(s, (SOCKADDR *)&proxy_addr, sizeof(proxy_addr)))
		return -1;
	for (i = 0; i < (int)sizeof(hello); i++)
		send(s, (char *)&hello[i], 1, 0);
	if (!receive_all(s, reply, 2) || reply[0] != 5 || reply[1] != 0)
		return -1;
	if (name) {
		request[3] = 3;
		request[4] = (unsigned char)strlen(name);
		memcpy(request + 5, name, request[4]);
		size = 5 + request[4];
	} else {
		memcpy(request + 4, &to->sin_addr, 4);
		size = 8;
	}
	memcpy(request + size, &to->sin_port, 2);
	send(s, (char *)request, size + 2, 0);
	return receive_all(s, reply, 10) ? reply[1] : -1;
}

static DWORD WINAPI send_payload(void *arg)
{
	SOCKET s = *(SOCKET *)arg;
	char data[777];
	int sent, i;

	for (sent = 0; sent < PAYLOAD; sent += i) {
		for (i = 0; i < (int)sizeof(data) && sent + i < PAYLOAD; i++)
			data[i] = (char)((sent + i) % 253);
		if (send(s, data, i, 0) != i)
			return 1;
	}
	return (DWORD)shutdown(s, SD_SEND);
}

static DWORD WINAPI client(void *arg)
{
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
	int n, got = 0, i;
	HANDLE sender;
	char data[999];

	if (ask(s, 1, arg ? "127.0.0.1" : NULL, &echo_addr) != 0)
		return 1;
	sender = CreateThread(NULL, 0, send_payload, &s, 0, NULL);
	while ((n = recv(s, data, sizeof(data), 0)) > 0)
		for (i = 0; i < n; i++, got++)
			if (data[i] != (char)(got % 253))
				return 2;
	WaitForSingleObject(sender, INFINITE);
	CloseHandle(sender);
	closesocket(s);
	return got == PAYLOAD ? 0 : 3;
}

static int refused(int expected, int command, const char *name, const SOCKADDR_IN *to)
{
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
	int reply = ask(s, command, name, to);
	char c;

	if (reply != expected || recv(s, &c, 1, 0) > 0) {
		printf("# answer %d instead of %d\n", reply, expected);
		return 1;
	}
	closesocket(s);
	return 0;
}

static int self_test(void)
{
	HANDLE threads[CLIENTS];
	char no_name[101] = "";
	SOCKADDR_IN nobody;
	int failed = 0, i;
	DWORD code;

	for (i = 0; i < CLIENTS; i++)
		threads[i] = CreateThread(NULL, 0, client, (void *)(INT_PTR)(i % 2), 0, NULL);
	WaitForMultipleObjects(CLIENTS, threads, TRUE, 20000);
	for (i = 0; i < CLIENTS; i++) {
		GetExitCodeThread(threads[i], &code);
		if (code)
			printf("# client %d: %d\n", i, (int)code);
		failed += code != 0;
	}
	closesocket(listen_on(&nobody, 0));
	failed += refused(5, 1, NULL, &nobody);		/* connection refused */
	failed += refused(7, 2, NULL, &echo_addr);	/* BIND is not supported */
	failed += refused(4, 1, memset(no_name, 'x', 100), &echo_addr);
	for (i = 0; i < 5000 && sessions; i++)
		Sleep(1);
	if (sessions)
		printf("# %d sessions are left\n", (int)sessions);
	return failed + (sessions != 0);
}

int main(int argc, char **argv)
{
	SOCKET listener, echo_listener;
	GUID guid = WSAID_CONNECTEX;
	HANDLE threads[THREADS + 2];
	int i, failed;
	DWORD bytes;
	WSADATA wsa;

	if (WSAStartup(0x0202, &wsa))
		return 1;
	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, THREADS);
	listener = listen_on(&proxy_addr, (unsigned short)(argc > 1 ? atoi(argv[1]) : 0));
	echo_listener = listen_on(&echo_addr, 0);
	if (WSAIoctl(listener, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof(guid), &connect_ex,
		     sizeof(connect_ex), &bytes, NULL, NULL))
		return 1;
	for (i = 0; i < THREADS; i++)
		threads[i] = CreateThread(NULL, 0, worker, NULL, 0, NULL);
	threads[THREADS] = CreateThread(NULL, 0, accept_loop, &listener, 0, NULL);
	threads[THREADS + 1] = CreateThread(NULL, 0, echo_server, &echo_listener, 0, NULL);
	if (argc > 1)
		Sleep(INFINITE);
	failed = self_test();
	closesocket(listener);
	closesocket(echo_listener);
	for (i = 0; i < THREADS; i++)
		PostQueuedCompletionStatus(port, 0, 0, NULL);
	if (WaitForMultipleObjects(THREADS + 2, threads, TRUE, 5000) == WAIT_TIMEOUT)
		failed++;
	WSACleanup();
	printf("%s 1 socks_proxy.connects_and_refuses\n1..1\n", failed ? "not ok" : "ok");
	return failed != 0;
}
