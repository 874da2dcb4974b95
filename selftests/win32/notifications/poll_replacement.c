// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * WSAPoll() made of socket notifications, for programs that outgrew it: the same arguments
 * and results, a port that lives as long as the program.  What it says is compared with
 * what WSAPoll() says of the same sockets.
 */
#include "net.h"

#include <stdlib.h>

#define PROGRAM "poll_replacement"

static HANDLE poll_port;

static UINT16 filter_of(SHORT events)
{
	UINT16 filter = SOCK_NOTIFY_REGISTER_EVENT_HANGUP;

	if (events & POLLRDNORM)
		filter |= SOCK_NOTIFY_REGISTER_EVENT_IN;
	if (events & POLLWRNORM)
		filter |= SOCK_NOTIFY_REGISTER_EVENT_OUT;
	return filter;
}

static SHORT results_of(UINT32 events)
{
	SHORT results = 0;

	if (events & SOCK_NOTIFY_EVENT_IN)
		results |= POLLRDNORM;
	if (events & SOCK_NOTIFY_EVENT_OUT)
		results |= POLLWRNORM;
	if (events & SOCK_NOTIFY_EVENT_HANGUP)
		results |= POLLHUP;
	if (events & SOCK_NOTIFY_EVENT_ERR)
		results |= POLLERR;
	return results;
}

/* Nothing stays registered: each call registers, harvests, and removes. */
static int my_poll(WSAPOLLFD *fds, ULONG count, INT timeout)
{
	SOCK_NOTIFY_REGISTRATION *regs = calloc(count, sizeof(*regs));
	OVERLAPPED_ENTRY *entries = calloc(count, sizeof(*entries));
	UINT32 received = 0, taken;
	int ready = 0;
	DWORD error;
	ULONG i;

	if (regs == NULL || entries == NULL) {
		free(regs);
		free(entries);
		WSASetLastError(WSAENOBUFS);
		return SOCKET_ERROR;
	}
	for (i = 0; i < count; i++) {
		fds[i].revents = 0;
		regs[i].socket = fds[i].fd;
		regs[i].completionKey = &fds[i];
		regs[i].eventFilter = filter_of(fds[i].events);
		regs[i].operation = SOCK_NOTIFY_OP_ENABLE;
		regs[i].triggerFlags = SOCK_NOTIFY_TRIGGER_ONESHOT | SOCK_NOTIFY_TRIGGER_LEVEL;
	}
	error = ProcessSocketNotifications(poll_port, count, regs,
					   timeout < 0 ? INFINITE : (UINT32)timeout,
					   count, entries, &received);
	if (error != ERROR_SUCCESS && error != WAIT_TIMEOUT) {
		WSASetLastError(error);
		ready = SOCKET_ERROR;
	}
	for (i = 0; i < received && ready >= 0; i++) {
		WSAPOLLFD *fd = (WSAPOLLFD *)entries[i].lpCompletionKey;

		fd->revents = results_of(SocketNotificationRetrieveEvents(&entries[i]));
		ready += fd->revents != 0;
	}
	for (i = 0; i < count; i++) {
		if (regs[i].registrationResult != ERROR_SUCCESS && ready >= 0) {
			fds[i].revents = POLLNVAL;
			ready++;
		}
		regs[i].operation = SOCK_NOTIFY_OP_REMOVE;
	}
	/* Each says that it is gone, and may have had something to say before. */
	ProcessSocketNotifications(poll_port, count, regs, 0, 0, NULL, NULL);
	do {
		taken = 0;
		ProcessSocketNotifications(poll_port, 0, NULL, 0, count, entries, &taken);
	} while (taken);
	free(regs);
	free(entries);
	return ready;
}

static void nothing_is_ready_until_the_time_is_over(void)
{
	ULONGLONG before = GetTickCount64();
	WSAPOLLFD fd = { 0 };
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	fd.fd = pair[0];
	fd.events = POLLIN;
	EXPECT_EQ(0, my_poll(&fd, 1, 100));
	EXPECT_EQ(0, fd.revents);
	EXPECT(GetTickCount64() - before + 20 >= 100);
	close_pair(pair);
}

/* Asks both, and wants both to say the same. */
static void both_say(WSAPOLLFD *fds, ULONG count, int ready, const SHORT *results)
{
	int theirs, mine;
	ULONG i;

	mine = my_poll(fds, count, COMES);
	EXPECT_EQ(ready, mine);
	for (i = 0; i < count; i++)
		EXPECT_EQ(results[i], fds[i].revents);
	theirs = WSAPoll(fds, count, COMES);
	EXPECT_EQ(ready, theirs);
	for (i = 0; i < count; i++)
		EXPECT_EQ(results[i], fds[i].revents & (POLLRDNORM | POLLWRNORM));
}

static void it_says_what_wsapoll_says(void)
{
	static const SHORT writable[] = { POLLWRNORM, 0, 0 };
	static const SHORT readable[] = { POLLWRNORM, POLLRDNORM, 0 };
	static const SHORT three[] = { POLLWRNORM, POLLRDNORM, POLLRDNORM };
	struct sockaddr_in address;
	WSAPOLLFD fds[3], one;
	SOCKET pair[2], listener = tcp_listener(&address), client;

	ASSERT(tcp_pair(pair));
	ASSERT(listener != INVALID_SOCKET);
	ZeroMemory(fds, sizeof(fds));
	fds[0].fd = pair[0];
	fds[0].events = POLLRDNORM | POLLWRNORM;
	fds[1].fd = pair[1];
	fds[1].events = POLLRDNORM;
	fds[2].fd = listener;
	fds[2].events = POLLRDNORM;
	both_say(fds, 3, 1, writable);

	EXPECT_EQ(1, send(pair[0], "x", 1, 0));
	one = fds[1];
	EXPECT_EQ(1, my_poll(&one, 1, COMES));
	both_say(fds, 3, 2, readable);

	client = tcp();
	EXPECT_EQ(0, connect_to(client, &address));
	one = fds[2];
	EXPECT_EQ(1, my_poll(&one, 1, COMES));
	both_say(fds, 3, 3, three);
	EXPECT_EQ(0, closesocket(client));
	EXPECT_EQ(0, closesocket(listener));
	close_pair(pair);
}

static void end_of_a_stream_is_a_hangup(void)
{
	WSAPOLLFD fd = { 0 };
	SOCKET pair[2];

	ASSERT(tcp_pair(pair));
	EXPECT_EQ(0, shutdown(pair[1], SD_BOTH));
	EXPECT_EQ(0, closesocket(pair[1]));
	fd.fd = pair[0];
	fd.events = POLLRDNORM;
	EXPECT_EQ(1, my_poll(&fd, 1, COMES));
	EXPECT(fd.revents & POLLHUP);
	EXPECT_EQ(0, closesocket(pair[0]));
}

static void closed_sockets_are_invalid(void)
{
	WSAPOLLFD fd = { 0 };
	SOCKET s = udp();

	EXPECT_EQ(0, closesocket(s));
	fd.fd = s;
	fd.events = POLLRDNORM;
	EXPECT_EQ(1, my_poll(&fd, 1, 0));
	EXPECT_EQ(POLLNVAL, fd.revents);
}

int main(void)
{
	WSADATA wsa;

	if (WSAStartup(MAKEWORD(2, 2), &wsa))
		return 2;
	poll_port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	if (poll_port == NULL)
		return 2;
	RUN(nothing_is_ready_until_the_time_is_over);
	RUN(it_says_what_wsapoll_says);
	RUN(end_of_a_stream_is_a_hangup);
	RUN(closed_sockets_are_invalid);
	CloseHandle(poll_port);
	WSACleanup();
	return tap_end();
}
