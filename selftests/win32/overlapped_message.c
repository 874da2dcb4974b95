// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * WSARecvMsg() and WSASendMsg() with an OVERLAPPED: names and control data.
 */
#include "overlapped.h"

#define PROGRAM "overlapped_message"

/* A message with its sender and the address that it came to. */
struct message {
	struct op op;
	WSAMSG header;
	struct sockaddr_in from;
	char control[64];
};

static void prepare_message(struct message *m, DWORD size)
{
	prepare(&m->op, size);
	memset(&m->from, 0, sizeof(m->from));
	memset(m->control, 0, sizeof(m->control));
	m->header.name = (struct sockaddr *)&m->from;
	m->header.namelen = sizeof(m->from);
	m->header.lpBuffers = &m->op.buffer;
	m->header.dwBufferCount = 1;
	m->header.Control.buf = m->control;
	m->header.Control.len = sizeof(m->control);
	m->header.dwFlags = 0;
}

static void expect_message(struct message *m, const struct sockaddr_in *from)
{
	IN_PKTINFO info;
	WSACMSGHDR *header;

	EXPECT_EQ(sizeof(m->from), m->header.namelen);
	EXPECT_EQ(from->sin_port, m->from.sin_port);
	header = WSA_CMSG_FIRSTHDR(&m->header);
	ASSERT(header);
	EXPECT_EQ(IPPROTO_IP, header->cmsg_level);
	EXPECT_EQ(IP_PKTINFO, header->cmsg_type);
	EXPECT_EQ(WSA_CMSG_LEN(sizeof(info)), header->cmsg_len);
	memcpy(&info, WSA_CMSG_DATA(header), sizeof(info));
	EXPECT_EQ(htonl(INADDR_LOOPBACK), info.ipi_addr.s_addr);
	EXPECT(info.ipi_ifindex);
	EXPECT_EQ(NULL, WSA_CMSG_NXTHDR(&m->header, header));
}

static void messages_come_with_name_and_control_data(void)
{
	struct sockaddr_in address[2];
	SOCKET pair[2];
	HANDLE port = datagrams_and_port(pair, address);
	LPFN_WSARECVMSG receive_message;
	static struct message m;
	BOOL on = TRUE;

	ASSERT(port);
	receive_message = (LPFN_WSARECVMSG)extension(pair[0], (GUID)WSAID_WSARECVMSG);
	ASSERT(receive_message);
	EXPECT_EQ(0, setsockopt(pair[0], IPPROTO_IP, IP_PKTINFO, (char *)&on, sizeof(on)));
	prepare_message(&m, 32);
	ASSERT_EQ(WSA_IO_PENDING, outcome(receive_message(pair[0], &m.header, &m.op.bytes,
							  &m.op.overlapped, NULL)));
	send_to(pair[1], &address[0], "hello");
	EXPECT_PACKET(port, &m.op, 5);
	EXPECT(!memcmp(m.op.data, "hello", 5));
	EXPECT_EQ(0, m.header.dwFlags);
	expect_message(&m, &address[1]);
	/* The same at once. */
	send_to(pair[1], &address[0], "again");
	ASSERT(readable(pair[0]));
	prepare_message(&m, 32);
	ASSERT_EQ(0, receive_message(pair[0], &m.header, &m.op.bytes, &m.op.overlapped, NULL));
	EXPECT_EQ(5, m.op.bytes);
	EXPECT_PACKET(port, &m.op, 5);
	expect_message(&m, &address[1]);
	close_all(pair, port);
}

static void message_that_does_not_fit_is_cut_and_says_so(void)
{
	struct sockaddr_in address[2];
	SOCKET pair[2];
	HANDLE port = datagrams_and_port(pair, address);
	LPFN_WSARECVMSG receive_message;
	static struct message m;

	ASSERT(port);
	receive_message = (LPFN_WSARECVMSG)extension(pair[0], (GUID)WSAID_WSARECVMSG);
	ASSERT(receive_message);
	prepare_message(&m, 6);
	ASSERT_EQ(WSA_IO_PENDING, outcome(receive_message(pair[0], &m.header, &m.op.bytes,
							  &m.op.overlapped, NULL)));
	send_to(pair[1], &address[0], "longer than six");
	packet_failed(port, &m.op, ERROR_MORE_DATA, STATUS_BUFFER_OVERFLOW, 6, __LINE__);
	EXPECT(m.header.dwFlags & MSG_TRUNC);
	EXPECT_EQ(address[1].sin_port, m.from.sin_port);
	close_all(pair, port);
}

static void messages_are_sent(void)
{
	struct sockaddr_in address[2];
	SOCKET pair[2];
	HANDLE port = datagrams_and_port(pair, address);
	WSABUF buffers[2] = { { 3, (char *)"one" }, { 4, (char *)"four" } };
	LPFN_WSASENDMSG send_message;
	static struct op op;
	char got[8];
	WSAMSG m;

	ASSERT(port);
	send_message = (LPFN_WSASENDMSG)extension(pair[0], (GUID)WSAID_WSASENDMSG);
	ASSERT(send_message);
	memset(&m, 0, sizeof(m));
	m.name = (struct sockaddr *)&address[1];
	m.namelen = sizeof(address[1]);
	m.lpBuffers = buffers;
	m.dwBufferCount = 2;
	prepare(&op, 0);
	EXPECT_EQ(0, send_message(pair[0], &m, 0, &op.bytes, &op.overlapped, NULL));
	EXPECT_EQ(7, op.bytes);
	EXPECT_PACKET(port, &op, 7);
	EXPECT_EQ(7, recv(pair[1], got, sizeof(got), 0));
	EXPECT(!memcmp(got, "onefour", 7));
	close_all(pair, port);
}

static void control_data_says_where_a_message_comes_from(void)
{
	struct sockaddr_in address, from;
	SOCKET receiver = udp(), s = udp();
	HANDLE port = new_port();
	LPFN_WSASENDMSG send_message;
	char control[WSA_CMSG_SPACE(sizeof(IN_PKTINFO))], got[8];
	WSABUF buffer = { 5, (char *)"hello" };
	int size = sizeof(from);
	WSACMSGHDR *header;
	static struct op op;
	IN_PKTINFO info;
	WSAMSG m;

	ASSERT(port && bind_anywhere(receiver, &address));
	associate(s, port, KEY);
	send_message = (LPFN_WSASENDMSG)extension(s, (GUID)WSAID_WSASENDMSG);
	ASSERT(send_message);
	memset(&m, 0, sizeof(m));
	memset(control, 0, sizeof(control));
	m.name = (struct sockaddr *)&address;
	m.namelen = sizeof(address);
	m.lpBuffers = &buffer;
	m.dwBufferCount = 1;
	m.Control.buf = control;
	m.Control.len = sizeof(control);
	header = WSA_CMSG_FIRSTHDR(&m);
	header->cmsg_level = IPPROTO_IP;
	header->cmsg_type = IP_PKTINFO;
	header->cmsg_len = WSA_CMSG_LEN(sizeof(info));
	memset(&info, 0, sizeof(info));
	info.ipi_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	memcpy(WSA_CMSG_DATA(header), &info, sizeof(info));
	prepare(&op, 0);
	EXPECT_EQ(0, send_message(s, &m, 0, &op.bytes, &op.overlapped, NULL));
	EXPECT_PACKET(port, &op, 5);
	EXPECT_EQ(5, recvfrom(receiver, got, sizeof(got), 0, (struct sockaddr *)&from,
			      (socklen_t *)&size));
	EXPECT_EQ(htonl(INADDR_LOOPBACK + 1), from.sin_addr.s_addr);
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(receiver));
	EXPECT(CloseHandle(port));
}

/* ------------------------------------------------------------- completion routines */

static struct {
	LPWSAOVERLAPPED overlapped;
	DWORD error, bytes, flags, thread;
	int count;
} told;

static void CALLBACK routine(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD flags)
{
	told.error = error;
	told.bytes = bytes;
	told.overlapped = overlapped;
	told.flags = flags;
	told.thread = GetCurrentThreadId();
	told.count++;
}

/* The next alertable wait calls it once, for this operation. */
static void expect_routine(const struct op *op, DWORD error, DWORD bytes, int line)
{
	told.count = 0;
	tap_same(WAIT_IO_COMPLETION, SleepEx(COMES, TRUE), "what the wait says", line);
	tap_same(1, (DWORD)told.count, "how often it was called", line);
	tap_same(TAP_NUMBER(&op->overlapped), TAP_NUMBER(told.overlapped), "the OVERLAPPED",
		 line);
	tap_same(error, told.error, "the error", line);
	tap_same(bytes, told.bytes, "the count", line);
	tap_same(GetCurrentThreadId(), told.thread, "the thread", line);
}

/* Two datagram sockets, of which the first is not associated. */
static int datagrams(SOCKET pair[2], struct sockaddr_in address[2])
{
	pair[0] = udp();
	pair[1] = udp();
	return bind_anywhere(pair[0], &address[0]) && bind_anywhere(pair[1], &address[1]);
}

static void routine_is_called_for_messages(void)
{
	struct sockaddr_in address[2];
	LPFN_WSARECVMSG receive_message;
	static struct message m;
	BOOL on = TRUE;
	SOCKET pair[2];

	ASSERT(datagrams(pair, address));
	receive_message = (LPFN_WSARECVMSG)extension(pair[0], (GUID)WSAID_WSARECVMSG);
	ASSERT(receive_message);
	EXPECT_EQ(0, setsockopt(pair[0], IPPROTO_IP, IP_PKTINFO, (char *)&on, sizeof(on)));
	prepare_message(&m, 32);
	/* It is the program's, and no event. */
	m.op.overlapped.hEvent = (HANDLE)&m;
	ASSERT_EQ(WSA_IO_PENDING, outcome(receive_message(pair[0], &m.header, &m.op.bytes,
							  &m.op.overlapped, routine)));
	send_to(pair[1], &address[0], "hello");
	expect_routine(&m.op, 0, 5, __LINE__);
	EXPECT_STATUS(0, &m.op);
	EXPECT(!memcmp(m.op.data, "hello", 5));
	expect_message(&m, &address[1]);
	/* At once, and cut. */
	send_to(pair[1], &address[0], "again");
	ASSERT(readable(pair[0]));
	prepare_message(&m, 4);
	EXPECT_EQ(WSAEMSGSIZE, outcome(receive_message(pair[0], &m.header, &m.op.bytes,
						       &m.op.overlapped, routine)));
	expect_routine(&m.op, WSAEMSGSIZE, 4, __LINE__);
	EXPECT(m.header.dwFlags & MSG_TRUNC);
	/* Nothing else is to come. */
	EXPECT_EQ(0, SleepEx(NO_PACKET, TRUE));
	close_pair(pair);
}

static void routine_is_called_for_messages_that_are_cancelled(void)
{
	struct sockaddr_in address[2];
	LPFN_WSARECVMSG receive_message;
	static struct message m[2];
	SOCKET pair[2];
	int i;

	ASSERT(datagrams(pair, address));
	receive_message = (LPFN_WSARECVMSG)extension(pair[0], (GUID)WSAID_WSARECVMSG);
	ASSERT(receive_message);
	for (i = 0; i < 2; i++) {
		prepare_message(&m[i], 32);
		ASSERT_EQ(WSA_IO_PENDING,
			  outcome(receive_message(pair[0], &m[i].header, &m[i].op.bytes,
						  &m[i].op.overlapped, routine)));
	}
	EXPECT(CancelIoEx((HANDLE)pair[0], &m[0].op.overlapped));
	expect_routine(&m[0].op, WSA_OPERATION_ABORTED, 0, __LINE__);
	EXPECT_EQ(0, closesocket(pair[0]));
	expect_routine(&m[1].op, WSA_OPERATION_ABORTED, 0, __LINE__);
	EXPECT_EQ(0, closesocket(pair[1]));
}

static void routine_is_called_for_messages_that_are_sent(void)
{
	struct sockaddr_in address[2];
	WSABUF buffer = { 5, (char *)"hello" };
	LPFN_WSASENDMSG send_message;
	static struct op op;
	SOCKET pair[2];
	char got[8];
	WSAMSG m;

	ASSERT(datagrams(pair, address));
	send_message = (LPFN_WSASENDMSG)extension(pair[0], (GUID)WSAID_WSASENDMSG);
	ASSERT(send_message);
	memset(&m, 0, sizeof(m));
	m.name = (struct sockaddr *)&address[1];
	m.namelen = sizeof(address[1]);
	m.lpBuffers = &buffer;
	m.dwBufferCount = 1;
	prepare(&op, 0);
	EXPECT_EQ(0, send_message(pair[0], &m, 0, &op.bytes, &op.overlapped, routine));
	expect_routine(&op, 0, 5, __LINE__);
	EXPECT_EQ(5, recv(pair[1], got, sizeof(got), 0));
	close_pair(pair);
}

static void messages_have_a_routine_or_a_port(void)
{
	struct sockaddr_in address[2];
	SOCKET pair[2];
	HANDLE port = datagrams_and_port(pair, address);
	LPFN_WSARECVMSG receive_message;
	static struct message m;

	ASSERT(port);
	receive_message = (LPFN_WSARECVMSG)extension(pair[0], (GUID)WSAID_WSARECVMSG);
	ASSERT(receive_message);
	prepare_message(&m, 32);
	EXPECT_EQ(WSAEINVAL, outcome(receive_message(pair[0], &m.header, &m.op.bytes,
						     &m.op.overlapped, routine)));
	send_to(pair[1], &address[0], "hello");
	EXPECT_NO_PACKET(port);
	EXPECT_EQ(0, SleepEx(NO_PACKET, TRUE));
	close_all(pair, port);
}

static void message_without_the_attribute_is_there_at_once(void)
{
	struct sockaddr_in address[2];
	SOCKET s = WSASocketA(AF_INET, SOCK_DGRAM, 0, NULL, 0, 0), sender = udp();
	LPFN_WSARECVMSG receive_message;
	static struct message m;

	ASSERT(bind_anywhere(s, &address[0]) && bind_anywhere(sender, &address[1]));
	receive_message = (LPFN_WSARECVMSG)extension(s, (GUID)WSAID_WSARECVMSG);
	ASSERT(receive_message);
	send_to(sender, &address[0], "hello");
	ASSERT(readable(s));
	prepare_message(&m, 32);
	EXPECT_EQ(0, outcome(receive_message(s, &m.header, &m.op.bytes, &m.op.overlapped, NULL)));
	EXPECT_EQ(5, m.op.bytes);
	EXPECT_STATUS(0, &m.op);
	EXPECT_EQ(0, closesocket(s));
	EXPECT_EQ(0, closesocket(sender));
}

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	RUN(messages_come_with_name_and_control_data);
	RUN(message_that_does_not_fit_is_cut_and_says_so);
	RUN(messages_are_sent);
	RUN(control_data_says_where_a_message_comes_from);
	RUN(routine_is_called_for_messages);
	RUN(routine_is_called_for_messages_that_are_cancelled);
	RUN(routine_is_called_for_messages_that_are_sent);
	RUN(messages_have_a_routine_or_a_port);
	RUN(message_without_the_attribute_is_there_at_once);
	WSACleanup();
	return tap_end();
}
