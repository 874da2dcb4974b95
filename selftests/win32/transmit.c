// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * TransmitFile() in pure Win32.
 */
#include "operation.h"

#define PROGRAM "transmit"

#define KEY	44
#define NAME	"transmit.tmp"
#define SIZE	(3 << 20)

/* A connection, one end associated with a port; a file; an operation. */
struct transmitting {
	HANDLE port, file;
	SOCKET pair[2];
	OVERLAPPED overlapped;
	TRANSMIT_FILE_BUFFERS around;
	HANDLE thread;
};

static char contents[SIZE];

/* What a reader has got, until the end. */
static char got[SIZE + 64];
static DWORD got_size;

static DWORD WINAPI drain(void *argument)
{
	SOCKET s = *(SOCKET *)argument;
	int size;

	got_size = 0;
	while ((size = recv(s, got + got_size, (int)(sizeof(got) - got_size), 0)) > 0)
		got_size += (DWORD)size;
	return 0;
}

static int make_file(void)
{
	HANDLE file = CreateFileA(NAME, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS,
				  FILE_ATTRIBUTE_NORMAL, NULL);
	DWORD i, written = 0;

	for (i = 0; i < SIZE; i++)
		contents[i] = (char)(i % 253);
	return file != INVALID_HANDLE_VALUE &&
	       WriteFile(file, contents, SIZE, &written, NULL) && written == SIZE &&
	       CloseHandle(file);
}

static int prepare(struct transmitting *t)
{
	memset(t, 0, sizeof(*t));
	t->port = new_port();
	memset(&t->overlapped, 0, sizeof(t->overlapped));
	t->file = CreateFileA(NAME, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
			      FILE_ATTRIBUTE_NORMAL, NULL);
	t->around.Head = (void *)"head";
	t->around.HeadLength = 4;
	t->around.Tail = (void *)"tail!";
	t->around.TailLength = 5;
	return t->port && t->file != INVALID_HANDLE_VALUE && tcp_pair(t->pair) &&
	       associate(t->pair[0], t->port, KEY);
}

static void start_reading(struct transmitting *t)
{
	t->thread = CreateThread(NULL, 0, drain, &t->pair[1], 0, NULL);
}

/* The sender has ended its direction; waits until the reader has seen that. */
static void end_reading(struct transmitting *t)
{
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(t->thread, COMES));
	EXPECT(CloseHandle(t->thread));
}

static void put_away(struct transmitting *t)
{
	close_pair(t->pair);
	EXPECT(CloseHandle(t->file));
	EXPECT(CloseHandle(t->port));
}

static void file_is_sent_between_its_buffers(void)
{
	struct transmitting t;

	ASSERT(prepare(&t));
	start_reading(&t);
	EXPECT_PENDING(transmit_file(t.pair[0], t.file, 0, 0, &t.overlapped, &t.around, 0));
	EXPECT_PACKET(t.port, KEY, &t.overlapped, 0, SIZE + 9);
	EXPECT_EMPTY(t.port);
	EXPECT_EQ(0, shutdown(t.pair[0], SD_SEND));
	end_reading(&t);
	ASSERT_EQ(SIZE + 9, got_size);
	EXPECT(!memcmp(got, "head", 4));
	EXPECT(!memcmp(got + 4, contents, SIZE));
	EXPECT(!memcmp(got + 4 + SIZE, "tail!", 5));
	/* The place in the file is not that of an overlapped operation. */
	EXPECT_EQ(0, SetFilePointer(t.file, 0, NULL, FILE_CURRENT));
	put_away(&t);
}

static void it_waits_for_a_slow_reader(void)
{
	struct transmitting t;
	int size = 65536;

	ASSERT(prepare(&t));
	EXPECT_EQ(0, setsockopt(t.pair[0], SOL_SOCKET, SO_SNDBUF, (char *)&size, sizeof(size)));
	EXPECT_EQ(0, setsockopt(t.pair[1], SOL_SOCKET, SO_RCVBUF, (char *)&size, sizeof(size)));
	EXPECT_PENDING(transmit_file(t.pair[0], t.file, 0, 0, &t.overlapped, NULL, 0));
	EXPECT_NO_PACKET(t.port);
	EXPECT_EQ(PENDING, t.overlapped.Internal);
	start_reading(&t);
	EXPECT_PACKET(t.port, KEY, &t.overlapped, 0, SIZE);
	EXPECT_EQ(0, shutdown(t.pair[0], SD_SEND));
	end_reading(&t);
	ASSERT_EQ(SIZE, got_size);
	EXPECT(!memcmp(got, contents, SIZE));
	put_away(&t);
}

static void part_of_a_file_is_sent_from_where_it_is_asked_for(void)
{
	struct transmitting t;

	ASSERT(prepare(&t));
	start_reading(&t);
	t.overlapped.Offset = 1000000;
	EXPECT_PENDING(transmit_file(t.pair[0], t.file, 70000, 0, &t.overlapped, NULL, 0));
	EXPECT_PACKET(t.port, KEY, &t.overlapped, 0, 70000);
	EXPECT_EQ(0, shutdown(t.pair[0], SD_SEND));
	end_reading(&t);
	ASSERT_EQ(70000, got_size);
	EXPECT(!memcmp(got, contents + 1000000, 70000));
	put_away(&t);
}

static void without_an_overlapped_it_is_done_at_once(void)
{
	struct transmitting t;

	ASSERT(prepare(&t));
	start_reading(&t);
	EXPECT_EQ(11, SetFilePointer(t.file, 11, NULL, FILE_BEGIN));
	EXPECT(transmit_file(t.pair[0], t.file, 0, 0, NULL, &t.around, 0));
	EXPECT_EQ(SIZE, SetFilePointer(t.file, 0, NULL, FILE_CURRENT));
	EXPECT_EMPTY(t.port);
	EXPECT_EQ(0, shutdown(t.pair[0], SD_SEND));
	end_reading(&t);
	ASSERT_EQ(9 + SIZE - 11, got_size);
	EXPECT(!memcmp(got, "head", 4));
	EXPECT(!memcmp(got + 4, contents + 11, SIZE - 11));
	EXPECT(!memcmp(got + SIZE - 7, "tail!", 5));
	put_away(&t);
}

static void part_of_a_file_is_sent_from_where_it_is(void)
{
	struct transmitting t;

	ASSERT(prepare(&t));
	start_reading(&t);
	EXPECT(transmit_file(t.pair[0], t.file, 100000, 0, NULL, NULL, 0));
	EXPECT_EQ(100000, SetFilePointer(t.file, 0, NULL, FILE_CURRENT));
	EXPECT(transmit_file(t.pair[0], t.file, 1000, 0, NULL, NULL, TF_DISCONNECT));
	EXPECT_EQ(101000, SetFilePointer(t.file, 0, NULL, FILE_CURRENT));
	EXPECT_EQ(0, shutdown(t.pair[0], SD_SEND));
	end_reading(&t);
	ASSERT_EQ(101000, got_size);
	EXPECT(!memcmp(got, contents, 101000));
	put_away(&t);
}

static void disconnecting_is_part_of_it(void)
{
	struct transmitting t;
	DWORD patience = COMES;
	char c;

	ASSERT(prepare(&t));
	EXPECT_EQ(0, setsockopt(t.pair[1], SOL_SOCKET, SO_RCVTIMEO, (char *)&patience,
				sizeof(patience)));
	EXPECT(transmit_file(t.pair[0], NULL, 0, 0, NULL, NULL, TF_DISCONNECT));
	EXPECT_EQ(0, recv(t.pair[1], &c, 1, 0));
	put_away(&t);
}

static void there_need_not_be_a_file(void)
{
	struct transmitting t;
	char text[16] = "";

	ASSERT(prepare(&t));
	EXPECT(transmit_file(t.pair[0], NULL, 0, 0, NULL, NULL, 0));
	EXPECT(transmit_file(t.pair[0], NULL, 0, 0, NULL, &t.around, 0));
	EXPECT_EQ(9, recv(t.pair[1], text, sizeof(text), 0));
	EXPECT(!memcmp(text, "headtail!", 9));
	EXPECT_PENDING(transmit_file(t.pair[0], NULL, 0, 0, &t.overlapped, &t.around, 0));
	EXPECT_PACKET(t.port, KEY, &t.overlapped, 0, 9);
	EXPECT_EQ(9, recv(t.pair[1], text, sizeof(text), 0));
	put_away(&t);
}

static void what_is_not_connected_is_refused(void)
{
	SOCKET s = tcp();
	struct transmitting t;

	ASSERT(prepare(&t));
	EXPECT_FALSE_WSA(WSAENOTSOCK,
			 transmit_file(INVALID_SOCKET, NULL, 0, 0, &t.overlapped, NULL, 0));
	EXPECT_FALSE_WSA(WSAENOTCONN, transmit_file(s, t.file, 0, 0, NULL, NULL, 0));
	EXPECT_FALSE_WSA(WSAENOTCONN, transmit_file(s, t.file, 0, 0, &t.overlapped, NULL, 0));
	EXPECT_EMPTY(t.port);
	EXPECT_EQ(0, closesocket(s));
	put_away(&t);
}

/* What Microsoft's page has WSAEINVAL for. */
static void what_cannot_be_is_refused(void)
{
	struct sockaddr_in address;
	struct transmitting t;
	SOCKET s = udp();

	ASSERT(prepare(&t));
	ASSERT(bind_anywhere(s, &address));
	EXPECT_EQ(0, connect_to(s, &address));
	EXPECT_FALSE_WSA(WSAEINVAL, transmit_file(s, t.file, 0, 0, NULL, NULL, 0));
	EXPECT_FALSE_WSA(WSAEINVAL, transmit_file(s, t.file, 0, 0, &t.overlapped, NULL, 0));
	EXPECT_FALSE_WSA(WSAEINVAL, transmit_file(t.pair[0], t.file, 0, 0, &t.overlapped, NULL,
						  TF_REUSE_SOCKET));
	EXPECT_EMPTY(t.port);
	EXPECT_EQ(0, closesocket(s));
	put_away(&t);
}

static void operation_behind_the_end_of_its_file_is_refused(void)
{
	struct transmitting t;

	ASSERT(prepare(&t));
	t.overlapped.Offset = SIZE + 1;
	EXPECT_FALSE_WSA(WSAEINVAL,
			 transmit_file(t.pair[0], t.file, 0, 0, &t.overlapped, NULL, 0));
	EXPECT_FALSE_WSA(WSAEINVAL,
			 transmit_file(t.pair[0], t.file, 10, 0, &t.overlapped, NULL, 0));
	t.overlapped.Offset = 0;
	t.overlapped.OffsetHigh = 1;
	EXPECT_FALSE_WSA(WSAEINVAL,
			 transmit_file(t.pair[0], t.file, 0, 0, &t.overlapped, NULL, 0));
	EXPECT_EMPTY(t.port);
	put_away(&t);
}

static void send_behind_it_follows(void)
{
	WSABUF buffer = { 6, (char *)"behind" };
	struct transmitting t;
	OVERLAPPED sending;

	ASSERT(prepare(&t));
	start_reading(&t);
	memset(&sending, 0, sizeof(sending));
	EXPECT_PENDING(transmit_file(t.pair[0], t.file, 1000, 0, &t.overlapped, NULL, 0));
	EXPECT(!WSASend(t.pair[0], &buffer, 1, NULL, 0, &sending, NULL) ||
	       WSAGetLastError() == WSA_IO_PENDING);
	EXPECT_PACKET(t.port, KEY, &t.overlapped, 0, 1000);
	EXPECT_PACKET(t.port, KEY, &sending, 0, 6);
	EXPECT_EMPTY(t.port);
	EXPECT_EQ(0, shutdown(t.pair[0], SD_SEND));
	end_reading(&t);
	ASSERT_EQ(1006, got_size);
	EXPECT(!memcmp(got, contents, 1000));
	EXPECT(!memcmp(got + 1000, "behind", 6));
	put_away(&t);
}

static void closing_the_socket_ends_it(void)
{
	OVERLAPPED *overlapped = NULL;
	struct transmitting t;
	ULONG_PTR key = 0;
	DWORD bytes = 1;

	ASSERT(prepare(&t));
	EXPECT_PENDING(transmit_file(t.pair[0], t.file, 0, 0, &t.overlapped, NULL, 0));
	EXPECT_EQ(0, closesocket(t.pair[0]));
	t.pair[0] = tcp();
	/* Programs take any error. */
	if (GetQueuedCompletionStatus(t.port, &bytes, &key, &overlapped, COMES))
		EXPECT_EQ(SIZE, bytes);
	EXPECT_EQ(&t.overlapped, overlapped);
	EXPECT_EQ(KEY, key);
	EXPECT_EMPTY(t.port);
	put_away(&t);
}

/* One that waits: without an OVERLAPPED, for a reader that does not read. */
static struct {
	HANDLE file;
	SOCKET pair[2];
	int error;
} waiting;

static DWORD WINAPI transmit_and_wait(void *unused)
{
	(void)unused;
	waiting.error = transmit_file(waiting.pair[0], waiting.file, 0, 0, NULL, NULL, 0) ?
			0 : WSAGetLastError();
	return 0;
}

static HANDLE start_waiting(void)
{
	int size = 65536;
	HANDLE thread;

	waiting.file = CreateFileA(NAME, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
				   FILE_ATTRIBUTE_NORMAL, NULL);
	waiting.error = -1;
	if (waiting.file == INVALID_HANDLE_VALUE || !tcp_pair(waiting.pair))
		return NULL;
	EXPECT_EQ(0, setsockopt(waiting.pair[0], SOL_SOCKET, SO_SNDBUF, (char *)&size,
				sizeof(size)));
	EXPECT_EQ(0, setsockopt(waiting.pair[1], SOL_SOCKET, SO_RCVBUF, (char *)&size,
				sizeof(size)));
	thread = CreateThread(NULL, 0, transmit_and_wait, NULL, 0, NULL);
	EXPECT_EQ(WAIT_TIMEOUT, WaitForSingleObject(thread, STAYS));
	return thread;
}

/* Nor does it go on with the socket that has the number then. */
static void closing_the_socket_ends_one_that_waits(void)
{
	HANDLE thread = start_waiting();
	SOCKET others[2];
	u_long there = 1;

	ASSERT(thread);
	EXPECT_EQ(0, closesocket(waiting.pair[0]));
	ASSERT(tcp_pair(others));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT_EQ(WSA_OPERATION_ABORTED, waiting.error);
	EXPECT_EQ(0, ioctlsocket(others[0], FIONREAD, &there));
	EXPECT_EQ(0, there);
	EXPECT_EQ(0, ioctlsocket(others[1], FIONREAD, &there));
	EXPECT_EQ(0, there);
	EXPECT_EQ(0, closesocket(waiting.pair[1]));
	close_pair(others);
	EXPECT(CloseHandle(waiting.file));
	EXPECT(CloseHandle(thread));
}

/* Nor is it the place in the file which has the handle then that moves. */
static void closing_the_file_does_not_matter_to_it(void)
{
	HANDLE thread = start_waiting(), reader, other;

	ASSERT(thread);
	EXPECT(CloseHandle(waiting.file));
	other = CreateFileA(NAME, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
			    FILE_ATTRIBUTE_NORMAL, NULL);
	reader = CreateThread(NULL, 0, drain, &waiting.pair[1], 0, NULL);
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(thread, COMES));
	EXPECT_EQ(0, waiting.error);
	EXPECT_EQ(0, SetFilePointer(other, 0, NULL, FILE_CURRENT));
	EXPECT_EQ(0, shutdown(waiting.pair[0], SD_SEND));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(reader, COMES));
	EXPECT_EQ(SIZE, got_size);
	EXPECT(!memcmp(got, contents, SIZE));
	close_pair(waiting.pair);
	EXPECT(CloseHandle(other));
	EXPECT(CloseHandle(reader));
	EXPECT(CloseHandle(thread));
}

static void it_can_be_cancelled(void)
{
	OVERLAPPED *overlapped = NULL;
	struct transmitting t;
	ULONG_PTR key = 0;
	int size = 65536;
	DWORD bytes;

	ASSERT(prepare(&t));
	EXPECT_EQ(0, setsockopt(t.pair[0], SOL_SOCKET, SO_SNDBUF, (char *)&size, sizeof(size)));
	EXPECT_EQ(0, setsockopt(t.pair[1], SOL_SOCKET, SO_RCVBUF, (char *)&size, sizeof(size)));
	EXPECT_PENDING(transmit_file(t.pair[0], t.file, 0, 0, &t.overlapped, NULL, 0));
	EXPECT_NO_PACKET(t.port);
	EXPECT(CancelIoEx((HANDLE)t.pair[0], &t.overlapped));
	/* How much of it was sent is not asked. */
	EXPECT_ERROR(ERROR_OPERATION_ABORTED,
		     GetQueuedCompletionStatus(t.port, &bytes, &key, &overlapped, COMES));
	EXPECT_EQ(&t.overlapped, overlapped);
	EXPECT_EQ(KEY, key);
	EXPECT_EMPTY(t.port);
	put_away(&t);
}

static void event_is_set_when_all_is_sent(void)
{
	HANDLE event = CreateEventW(NULL, TRUE, TRUE, NULL);
	struct transmitting t;

	ASSERT(prepare(&t));
	start_reading(&t);
	t.overlapped.hEvent = event;
	EXPECT_PENDING(transmit_file(t.pair[0], t.file, 0, 0, &t.overlapped, NULL, 0));
	EXPECT_EQ(WAIT_OBJECT_0, WaitForSingleObject(event, COMES));
	EXPECT_EQ(0, t.overlapped.Internal);
	EXPECT_PACKET(t.port, KEY, &t.overlapped, 0, SIZE);
	EXPECT_EQ(0, shutdown(t.pair[0], SD_SEND));
	end_reading(&t);
	EXPECT_EQ(SIZE, got_size);
	EXPECT(!memcmp(got, contents, SIZE));
	put_away(&t);
	EXPECT(CloseHandle(event));
}

int main(void)
{
	WSADATA data;

	WSAStartup(MAKEWORD(2, 2), &data);
	if (!get_extensions() || !make_file()) {
		printf("Bail out! no extensions, or no file\n");
		return 1;
	}
	RUN(file_is_sent_between_its_buffers);
	RUN(it_waits_for_a_slow_reader);
	RUN(part_of_a_file_is_sent_from_where_it_is_asked_for);
	RUN(without_an_overlapped_it_is_done_at_once);
	RUN(part_of_a_file_is_sent_from_where_it_is);
	RUN(disconnecting_is_part_of_it);
	RUN(there_need_not_be_a_file);
	RUN(what_is_not_connected_is_refused);
	RUN(what_cannot_be_is_refused);
	RUN(operation_behind_the_end_of_its_file_is_refused);
	RUN(send_behind_it_follows);
	RUN(closing_the_socket_ends_it);
	RUN_UNLESS_WINE(closing_the_socket_ends_one_that_waits,
			"Wine's sends go on without their socket");
	RUN(closing_the_file_does_not_matter_to_it);
	RUN(it_can_be_cancelled);
	RUN(event_is_set_when_all_is_sent);
	DeleteFileA(NAME);
	WSACleanup();
	return tap_end();
}
