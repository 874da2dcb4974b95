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

int main(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	RUN(messages_come_with_name_and_control_data);
	RUN(message_that_does_not_fit_is_cut_and_says_so);
	RUN(messages_are_sent);
	RUN(control_data_says_where_a_message_comes_from);
	WSACleanup();
	return tap_end();
}
