// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A file server on a completion port: a request is a line with the name of a file, and the
 * answer a line with its length, and the file, by TransmitFile.
 */
#include <winsock2.h>
#include <mswsock.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>

#include "drive.h"

#define PROGRAM		"iocp_file_server"
#define WORKERS		2
#define ACCEPTS		4
#define ADDRESS_ROOM	(sizeof(SOCKADDR_STORAGE) + 16)

typedef struct _CLIENT {
	OVERLAPPED Overlapped;
	void (*Next)(struct _CLIENT *Client, DWORD Bytes);
	SOCKET Socket;
	HANDLE File;
	DWORD Received;
	CHAR Request[512];
	CHAR Head[64];
	TRANSMIT_FILE_BUFFERS Buffers;
} CLIENT;

static HANDLE Port, Workers[WORKERS], AllGone;
static SOCKET Listener;
static LPFN_ACCEPTEX Accept;
static LPFN_TRANSMITFILE Transmit;
static CHAR Directory[MAX_PATH];
static LONG Clients;
static volatile BOOL Stopping;

static void ReceiveRequest(CLIENT *Client);
static void StartAccept(void);

static void Close(CLIENT *Client)
{
	if (Client->File != INVALID_HANDLE_VALUE)
		CloseHandle(Client->File);
	closesocket(Client->Socket);
	free(Client);
	if (InterlockedDecrement(&Clients) == 0)
		SetEvent(AllGone);
}

/* Whatever is started has a packet, unless it fails at once. */
static void Started(CLIENT *Client, BOOL Success)
{
	if (!Success && WSAGetLastError() != WSA_IO_PENDING)
		Close(Client);
}

static void AnswerWasSent(CLIENT *Client, DWORD Bytes)
{
	(void)Bytes;
	CloseHandle(Client->File);
	Client->File = INVALID_HANDLE_VALUE;
	ReceiveRequest(Client);
}

/* No name leads out of the directory. */
static HANDLE OpenRequested(CLIENT *Client, LARGE_INTEGER *Size)
{
	CHAR Path[MAX_PATH + 512];
	HANDLE File;

	if (strpbrk(Client->Request, "/\\:"))
		return INVALID_HANDLE_VALUE;
	snprintf(Path, sizeof(Path), "%s%s", Directory, Client->Request);
	File = CreateFileA(Path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
			   FILE_FLAG_SEQUENTIAL_SCAN | FILE_FLAG_OVERLAPPED, NULL);
	if (File != INVALID_HANDLE_VALUE && !GetFileSizeEx(File, Size)) {
		CloseHandle(File);
		return INVALID_HANDLE_VALUE;
	}
	return File;
}

static void SendFile(CLIENT *Client)
{
	LARGE_INTEGER Size;

	Client->File = OpenRequested(Client, &Size);
	if (Client->File == INVALID_HANDLE_VALUE) {
		send(Client->Socket, "none\n", 5, 0);
		Close(Client);
		return;
	}
	Client->Buffers.Head = Client->Head;
	Client->Buffers.HeadLength = (DWORD)sprintf(Client->Head, "%lld\n",
						    (long long)Size.QuadPart);
	Client->Buffers.Tail = (PVOID)"\n";
	Client->Buffers.TailLength = 1;
	ZeroMemory(&Client->Overlapped, sizeof(Client->Overlapped));
	Client->Next = AnswerWasSent;
	Client->Received = 0;
	Started(Client, Transmit(Client->Socket, Client->File, 0, 0, &Client->Overlapped,
				 &Client->Buffers, 0));
}

static void RequestCame(CLIENT *Client, DWORD Bytes)
{
	Client->Received += Bytes;
	if (Bytes == 0) {
		Close(Client);
	} else if (Client->Request[Client->Received - 1] == '\n') {
		Client->Request[Client->Received - 1] = 0;
		SendFile(Client);
	} else if (Client->Received == sizeof(Client->Request)) {
		Close(Client);
	} else {
		ReceiveRequest(Client);
	}
}

static void ReceiveRequest(CLIENT *Client)
{
	WSABUF Buffer;
	DWORD Flags = 0;

	Buffer.buf = Client->Request + Client->Received;
	Buffer.len = sizeof(Client->Request) - Client->Received;
	ZeroMemory(&Client->Overlapped, sizeof(Client->Overlapped));
	Client->Next = RequestCame;
	Started(Client, !WSARecv(Client->Socket, &Buffer, 1, NULL, &Flags, &Client->Overlapped,
				 NULL));
}

static void Accepted(CLIENT *Client, DWORD Bytes)
{
	(void)Bytes;
	StartAccept();
	if (setsockopt(Client->Socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (char *)&Listener,
		       sizeof(Listener)) ||
	    !CreateIoCompletionPort((HANDLE)Client->Socket, Port, 0, 0))
		Close(Client);
	else
		ReceiveRequest(Client);
}

static void StartAccept(void)
{
	CLIENT *Client = (CLIENT *)calloc(1, sizeof(CLIENT));
	DWORD Bytes;

	if (!Client)
		return;
	InterlockedIncrement(&Clients);
	Client->Next = Accepted;
	Client->File = INVALID_HANDLE_VALUE;
	Client->Socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0,
				    WSA_FLAG_OVERLAPPED);
	Started(Client, Accept(Listener, Client->Socket, Client->Request, 0, ADDRESS_ROOM,
			       ADDRESS_ROOM, &Bytes, &Client->Overlapped));
}

static DWORD WINAPI Worker(LPVOID Context)
{
	(void)Context;
	for (;;) {
		LPOVERLAPPED Overlapped;
		CLIENT *Client;
		ULONG_PTR Key;
		DWORD Bytes;
		BOOL Success = GetQueuedCompletionStatus(Port, &Bytes, &Key, &Overlapped,
							 INFINITE);

		if (!Overlapped)
			return 0;
		Client = CONTAINING_RECORD(Overlapped, CLIENT, Overlapped);
		if (Success) {
			Client->Next(Client, Bytes);
			continue;
		}
		/* A client that has gone before it was accepted. */
		if (Client->Next == Accepted && !Stopping)
			StartAccept();
		Close(Client);
	}
}

static BOOL GetFunction(GUID Id, void *Function, DWORD Size)
{
	DWORD Bytes;

	return !WSAIoctl(Listener, SIO_GET_EXTENSION_FUNCTION_POINTER, &Id, sizeof(Id), Function,
			 Size, &Bytes, NULL, NULL);
}

static BOOL StartServer(SOCKADDR_IN *Address)
{
	int Size = sizeof(*Address), i;

	Port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
	AllGone = CreateEventW(NULL, TRUE, FALSE, NULL);
	Listener = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
	ZeroMemory(Address, sizeof(*Address));
	Address->sin_family = AF_INET;
	Address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!Port || !AllGone || bind(Listener, (SOCKADDR *)Address, sizeof(*Address)) ||
	    getsockname(Listener, (SOCKADDR *)Address, &Size) || listen(Listener, SOMAXCONN) ||
	    !GetFunction((GUID)WSAID_ACCEPTEX, &Accept, sizeof(Accept)) ||
	    !GetFunction((GUID)WSAID_TRANSMITFILE, &Transmit, sizeof(Transmit)) ||
	    !CreateIoCompletionPort((HANDLE)Listener, Port, 0, 0))
		return FALSE;
	for (i = 0; i < WORKERS; i++)
		Workers[i] = CreateThread(NULL, 0, Worker, NULL, 0, NULL);
	for (i = 0; i < ACCEPTS; i++)
		StartAccept();
	return TRUE;
}

/* The clients have gone; what is left are accepts, which end with the listener. */
static BOOL StopServer(void)
{
	BOOL Gone;
	int i;

	Stopping = TRUE;
	closesocket(Listener);
	Gone = WaitForSingleObject(AllGone, COMES) == WAIT_OBJECT_0;
	for (i = 0; i < WORKERS; i++)
		PostQueuedCompletionStatus(Port, 0, 0, NULL);
	WaitForMultipleObjects(WORKERS, Workers, TRUE, COMES);
	for (i = 0; i < WORKERS; i++)
		CloseHandle(Workers[i]);
	CloseHandle(Port);
	CloseHandle(AllGone);
	return Gone;
}

#define LARGE	(2 * 1024 * 1024 + 345)
#define MANY	6

static struct sockaddr_in server;
static char program[MAX_PATH], content[LARGE], file_name[MAX_PATH + 8], request[MAX_PATH];
static unsigned long long answer_hash;
static DWORD answer_size;

/* A file beside the program, and what the server should say of it. */
static BOOL make_file(void)
{
	DWORD length = GetModuleFileNameA(NULL, program, sizeof(program)), written;
	char head[16], *name;
	HANDLE file;
	BOOL ok;

	if (length == 0 || length == sizeof(program))
		return FALSE;
	snprintf(file_name, sizeof(file_name), "%s.data", program);
	for (name = file_name + strlen(file_name); name[-1] != '/' && name[-1] != '\\'; name--)
		;
	memcpy(Directory, file_name, (size_t)(name - file_name));
	snprintf(request, sizeof(request), "%s\n", name);
	fill(content, LARGE, 7);
	file = CreateFileA(file_name, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS,
			   FILE_ATTRIBUTE_NORMAL, NULL);
	ok = file != INVALID_HANDLE_VALUE && WriteFile(file, content, LARGE, &written, NULL);
	CloseHandle(file);
	sprintf(head, "%d\n", LARGE);
	answer_hash = hash_of(HASH_OF_NOTHING, head, (DWORD)strlen(head));
	answer_hash = hash_of(answer_hash, content, LARGE);
	answer_hash = hash_of(answer_hash, "\n", 1);
	answer_size = (DWORD)strlen(head) + LARGE + 1;
	return ok;
}

static void file_comes_whole(void)
{
	static struct exchange e = { .server = &server, .request = request };

	e.size = (DWORD)strlen(request);
	EXPECT_EQ(0, run_exchanges(&e, 1));
	EXPECT_EQ(answer_size, e.received);
	EXPECT(answer_hash == e.hash);
}

static void several_get_it_at_once(void)
{
	static struct exchange e[MANY];
	int i;

	for (i = 0; i < MANY; i++) {
		e[i].server = &server;
		e[i].request = request;
		e[i].size = (DWORD)strlen(request);
	}
	EXPECT_EQ(0, run_exchanges(e, MANY));
	for (i = 0; i < MANY; i++) {
		EXPECT_EQ(answer_size, e[i].received);
		EXPECT(answer_hash == e[i].hash);
	}
}

static void what_is_not_there_is_said(void)
{
	static const char *const names[] = { "no such file\n", "../passwd\n" };
	static struct exchange e = { .server = &server };
	int i;

	for (i = 0; i < 2; i++) {
		e.request = names[i];
		e.size = (DWORD)strlen(names[i]);
		EXPECT_EQ(0, run_exchanges(&e, 1));
		EXPECT_EQ(5, e.received);
		EXPECT(!memcmp(e.answer, "none\n", 5));
	}
}

static void clients_that_break_off_do_no_harm(void)
{
	static struct exchange e = { .server = &server, .request = request };
	int i;

	for (i = 0; i < 6; i++)
		connect_and_reset(&server, i % 2 ? "" : request);
	e.size = (DWORD)strlen(request);
	EXPECT_EQ(0, run_exchanges(&e, 1));
	EXPECT(answer_hash == e.hash);
}

static void nothing_is_left(void)
{
	EXPECT(StopServer());
	EXPECT_EQ(0, Clients);
	EXPECT(DeleteFileA(file_name));
}

int main(void)
{
	WSADATA Data;

	if (WSAStartup(MAKEWORD(2, 2), &Data) || !make_file() || !StartServer(&server))
		return 2;
	RUN(file_comes_whole);
	RUN(several_get_it_at_once);
	RUN(what_is_not_there_is_said);
	RUN(clients_that_break_off_do_no_harm);
	RUN(nothing_is_left);
	WSACleanup();
	return tap_end();
}
