// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * An HTTP/1.0 server for the files of a directory.  AcceptEx takes the connection together with
 * the request, TransmitFile sends the header and the file, and the socket is used for the next
 * AcceptEx, or closed if DisconnectEx refuses to reuse it.  Tests itself on files that it makes
 * there.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDR_LEN	(sizeof(SOCKADDR_IN) + 16)
#define REQUEST_LEN	1024
#define NUM_CONTEXTS	4
#define NUM_WORKERS	2
#define BIG_FILE	(200 * 1024 + 7)

typedef enum { Accepting, Reading, Sending, Disconnecting } IO_STATE;

typedef struct {
	OVERLAPPED Overlapped;
	IO_STATE State;
	SOCKET Socket;
	HANDLE File;
	DWORD Received;
	TRANSMIT_FILE_BUFFERS Header;
	CHAR HeaderText[256];
	CHAR Request[REQUEST_LEN + 2 * ADDR_LEN];
} HTTP_CONTEXT;

static HANDLE hPort;
static SOCKET ListenSocket;
static LPFN_ACCEPTEX lpfnAcceptEx;
static LPFN_TRANSMITFILE lpfnTransmitFile;
static LPFN_DISCONNECTEX lpfnDisconnectEx;
static HTTP_CONTEXT Contexts[NUM_CONTEXTS];
static CHAR Root[MAX_PATH];
static volatile LONG Served, Reused, Stopping;

static BOOL GetExtension(SOCKET s, GUID guid, void *function, DWORD size)
{
	DWORD bytes;

	return WSAIoctl(s, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof(guid),
			function, size, &bytes, NULL, NULL) == 0;
}

static SOCKET NewSocket(void)
{
	return WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
}

static void StartAccept(HTTP_CONTEXT *ctx)
{
	DWORD bytes;

	if (Stopping)
		return;
	if (ctx->Socket == INVALID_SOCKET) {
		ctx->Socket = NewSocket();
		CreateIoCompletionPort((HANDLE)ctx->Socket, hPort, (ULONG_PTR)ctx->Socket, 0);
	}
	ctx->State = Accepting;
	ctx->Received = 0;
	memset(&ctx->Overlapped, 0, sizeof(ctx->Overlapped));
	if (!lpfnAcceptEx(ListenSocket, ctx->Socket, ctx->Request, REQUEST_LEN, ADDR_LEN, ADDR_LEN,
			  &bytes, &ctx->Overlapped) && WSAGetLastError() != ERROR_IO_PENDING) {
		if (!Stopping)
			fprintf(stderr, "AcceptEx: %d\n", WSAGetLastError());
		closesocket(ctx->Socket);
		ctx->Socket = INVALID_SOCKET;
	}
}

static void Drop(HTTP_CONTEXT *ctx)
{
	closesocket(ctx->Socket);
	ctx->Socket = INVALID_SOCKET;
	StartAccept(ctx);
}

static void ReadMore(HTTP_CONTEXT *ctx)
{
	WSABUF buf;
	DWORD flags = 0;

	buf.buf = ctx->Request + ctx->Received;
	buf.len = REQUEST_LEN - ctx->Received;
	ctx->State = Reading;
	memset(&ctx->Overlapped, 0, sizeof(ctx->Overlapped));
	if (buf.len == 0 || (WSARecv(ctx->Socket, &buf, 1, NULL, &flags, &ctx->Overlapped, NULL) &&
			     WSAGetLastError() != WSA_IO_PENDING))
		Drop(ctx);
}

static void SendAnswer(HTTP_CONTEXT *ctx)
{
	CHAR name[MAX_PATH], path[2 * MAX_PATH];
	LARGE_INTEGER size = { 0 };
	int status = 404;

	ctx->Request[ctx->Received] = '\0';
	ctx->File = INVALID_HANDLE_VALUE;
	if (sscanf(ctx->Request, "GET /%200[^ /\\] ", name) == 1) {
		sprintf(path, "%s\\%s", Root, name);
		ctx->File = CreateFileA(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
					FILE_FLAG_SEQUENTIAL_SCAN | FILE_FLAG_OVERLAPPED, NULL);
		if (ctx->File != INVALID_HANDLE_VALUE && GetFileSizeEx(ctx->File, &size))
			status = 200;
	}
	sprintf(ctx->HeaderText, "HTTP/1.0 %d %s\r\nContent-Length: %lld\r\n"
		"Connection: close\r\n\r\n", status, status == 200 ? "OK" : "Not Found",
		(long long)size.QuadPart);
	memset(&ctx->Header, 0, sizeof(ctx->Header));
	ctx->Header.Head = ctx->HeaderText;
	ctx->Header.HeadLength = (DWORD)strlen(ctx->HeaderText);
	memset(&ctx->Overlapped, 0, sizeof(ctx->Overlapped));
	ctx->State = Sending;
	if (!lpfnTransmitFile(ctx->Socket, status == 200 ? ctx->File : NULL, 0, 0,
			      &ctx->Overlapped, &ctx->Header, TF_USE_KERNEL_APC) &&
	    WSAGetLastError() != WSA_IO_PENDING) {
		fprintf(stderr, "TransmitFile: %d\n", WSAGetLastError());
		if (ctx->File != INVALID_HANDLE_VALUE)
			CloseHandle(ctx->File);
		Drop(ctx);
	}
}

static void Disconnect(HTTP_CONTEXT *ctx)
{
	memset(&ctx->Overlapped, 0, sizeof(ctx->Overlapped));
	ctx->State = Disconnecting;
	if (!lpfnDisconnectEx(ctx->Socket, &ctx->Overlapped, TF_REUSE_SOCKET, 0) &&
	    WSAGetLastError() != ERROR_IO_PENDING)
		Drop(ctx);
}

static void OnRequest(HTTP_CONTEXT *ctx, DWORD bytes)
{
	ctx->Received += bytes;
	ctx->Request[ctx->Received] = '\0';
	if (strstr(ctx->Request, "\r\n\r\n") != NULL)
		SendAnswer(ctx);
	else if (bytes == 0)
		Drop(ctx);
	else
		ReadMore(ctx);
}

static DWORD WINAPI Worker(LPVOID param)
{
	LPOVERLAPPED ov;
	ULONG_PTR key;
	DWORD bytes;

	UNREFERENCED_PARAMETER(param);
	for (;;) {
		BOOL ok = GetQueuedCompletionStatus(hPort, &bytes, &key, &ov, INFINITE);
		HTTP_CONTEXT *ctx;

		if (ov == NULL)
			return 0;
		ctx = CONTAINING_RECORD(ov, HTTP_CONTEXT, Overlapped);
		if (ctx->State == Sending && ctx->File != INVALID_HANDLE_VALUE)
			CloseHandle(ctx->File);
		if (!ok) {
			Drop(ctx);
			continue;
		}
		switch (ctx->State) {
		case Accepting:
			setsockopt(ctx->Socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
				   (char *)&ListenSocket, sizeof(ListenSocket));
			/* fall through */
		case Reading:
			OnRequest(ctx, bytes);
			break;
		case Sending:
			InterlockedIncrement(&Served);
			Disconnect(ctx);
			break;
		case Disconnecting:
			InterlockedIncrement(&Reused);
			StartAccept(ctx);
			break;
		}
	}
}

/* ---- The self-test ---- */

static SOCKADDR_IN Address;

static char Pattern(DWORD i)
{
	return (char)(i * 7 + i / 251);
}

static BOOL MakeFile(const char *name, DWORD size)
{
	CHAR path[2 * MAX_PATH], *data = malloc(size + 1);
	HANDLE file;
	DWORD i, written = 0;
	BOOL ok;

	for (i = 0; i < size; i++)
		data[i] = Pattern(i);
	sprintf(path, "%s\\%s", Root, name);
	file = CreateFileA(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL,
			   NULL);
	ok = file != INVALID_HANDLE_VALUE && WriteFile(file, data, size, &written, NULL) &&
	     written == size;
	CloseHandle(file);
	free(data);
	return ok;
}

/* Requests in two pieces if @split is in the middle; what is wrong, or NULL. */
static const char *Fetch(const char *name, int status, DWORD size, size_t split)
{
	static char answer[BIG_FILE + 1024];
	int got = 0, n, code = 0, length = -1;
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
	char request[300], *body;
	DWORD i, timeout = 5000;

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (char *)&timeout, sizeof(timeout));
	if (connect(s, (SOCKADDR *)&Address, sizeof(Address)) == SOCKET_ERROR)
		return "no connection";
	sprintf(request, "GET /%s HTTP/1.0\r\nHost: localhost\r\n\r\n", name);
	send(s, request, (int)split, 0);
	if (split)
		Sleep(5);
	send(s, request + split, (int)(strlen(request) - split), 0);
	while (got < (int)sizeof(answer) - 1 &&
	       (n = recv(s, answer + got, (int)sizeof(answer) - 1 - got, 0)) > 0)
		got += n;
	closesocket(s);
	answer[got] = '\0';
	body = strstr(answer, "\r\n\r\n");
	if (body == NULL || sscanf(answer, "HTTP/1.0 %d", &code) != 1 || code != status)
		return "wrong status";
	body += 4;
	sscanf(strstr(answer, "Length:"), "Length: %d", &length);
	if ((DWORD)length != size || (DWORD)(answer + got - body) != size)
		return "wrong length";
	for (i = 0; i < size; i++)
		if (body[i] != Pattern(i))
			return "wrong contents";
	return NULL;
}

static int Try(const char *name, int status, DWORD size, size_t split)
{
	const char *wrong = Fetch(name, status, size, split);

	if (wrong != NULL)
		printf("# %s, split at %d: %s\n", name, (int)split, wrong);
	return wrong != NULL;
}

static int SelfTest(void)
{
	CHAR path[2 * MAX_PATH];
	int failures = 0, i;

	if (!MakeFile("ten_big.bin", BIG_FILE) || !MakeFile("ten_small.bin", 10) ||
	    !MakeFile("ten_empty.bin", 0))
		return 1;
	for (i = 0; i < 6 && failures == 0; i++) {
		failures += Try("ten_big.bin", 200, BIG_FILE, 0);
		failures += Try("ten_small.bin", 200, 10, 5);
		failures += Try("ten_empty.bin", 200, 0, 0);
		failures += Try("ten_missing.bin", 404, 0, 9);
	}
	for (i = 0; i < 2000 && Served < 24; i++)
		Sleep(1);
	/* That a socket is used again only saves time: where it is refused there is a new one. */
	printf("# %d served, %d sockets used again\n", (int)Served, (int)Reused);
	failures += Served != 24;
	sprintf(path, "%s\\ten_big.bin", Root);
	failures += !DeleteFileA(path);
	sprintf(path, "%s\\ten_small.bin", Root);
	failures += !DeleteFileA(path);
	sprintf(path, "%s\\ten_empty.bin", Root);
	failures += !DeleteFileA(path);
	return failures;
}

int main(int argc, char **argv)
{
	GUID acceptGuid = WSAID_ACCEPTEX, transmitGuid = WSAID_TRANSMITFILE;
	GUID disconnectGuid = WSAID_DISCONNECTEX;
	HANDLE workers[NUM_WORKERS];
	int i, failures, length = sizeof(Address);
	WSADATA data;

	WSAStartup(MAKEWORD(2, 2), &data);
	lstrcpynA(Root, argc > 1 ? argv[1] : ".", sizeof(Root));
	hPort = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	ListenSocket = NewSocket();
	Address.sin_family = AF_INET;
	inet_pton(AF_INET, "127.0.0.1", &Address.sin_addr);
	if (bind(ListenSocket, (SOCKADDR *)&Address, sizeof(Address)) ||
	    listen(ListenSocket, SOMAXCONN) ||
	    getsockname(ListenSocket, (SOCKADDR *)&Address, &length) ||
	    !CreateIoCompletionPort((HANDLE)ListenSocket, hPort, 0, 0) ||
	    !GetExtension(ListenSocket, acceptGuid, &lpfnAcceptEx, sizeof(lpfnAcceptEx)) ||
	    !GetExtension(ListenSocket, transmitGuid, &lpfnTransmitFile,
			  sizeof(lpfnTransmitFile)) ||
	    !GetExtension(ListenSocket, disconnectGuid, &lpfnDisconnectEx,
			  sizeof(lpfnDisconnectEx)))
		return 1;
	for (i = 0; i < NUM_WORKERS; i++)
		workers[i] = CreateThread(NULL, 0, Worker, NULL, 0, NULL);
	for (i = 0; i < NUM_CONTEXTS; i++) {
		Contexts[i].Socket = INVALID_SOCKET;
		StartAccept(&Contexts[i]);
	}
	failures = SelfTest();
	InterlockedExchange(&Stopping, 1);
	closesocket(ListenSocket);
	for (i = 0; i < NUM_WORKERS; i++)
		PostQueuedCompletionStatus(hPort, 0, 0, NULL);
	if (WaitForMultipleObjects(NUM_WORKERS, workers, TRUE, 5000) != WAIT_OBJECT_0)
		failures++;
	CloseHandle(hPort);
	WSACleanup();
	printf("%s 1 transmit_server.files_come_whole\n1..1\n", failures ? "not ok" : "ok");
	return failures != 0;
}
