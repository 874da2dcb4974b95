// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * A client and a server by WSAEventSelect: one thread each, which waits for the events of all
 * its sockets (WSAWaitForMultipleEvents) and keeps what cannot be sent now for FD_WRITE.  The
 * server sends back what it gets; each of the clients compares that.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUM_CLIENTS	10
#define TOTAL		150000
#define BACKLOG_SIZE	8192

/* ---- The server ---- */

typedef struct {
	SOCKET s;
	char data[BACKLOG_SIZE];	/* received, and not sent back yet */
	int from, to;
	BOOL closing;
} CONNECTION;

static SOCKET listen_socket;
static SOCKADDR_IN address;
static WSAEVENT events[WSA_MAXIMUM_WAIT_EVENTS];
static CONNECTION *connections[WSA_MAXIMUM_WAIT_EVENTS];
static DWORD num_events;
static int num_accepted, num_closed;
static WSAEVENT stop_event;

static void add_connection(SOCKET s)
{
	CONNECTION *c = (CONNECTION *)calloc(1, sizeof(CONNECTION));
	WSAEVENT event = WSACreateEvent();

	/* It has inherited the listener's event, and its interest. */
	if (c == NULL || event == WSA_INVALID_EVENT || num_events == WSA_MAXIMUM_WAIT_EVENTS ||
	    WSAEventSelect(s, event, FD_READ | FD_WRITE | FD_CLOSE) == SOCKET_ERROR) {
		closesocket(s);
		return;
	}
	c->s = s;
	connections[num_events] = c;
	events[num_events++] = event;
	num_accepted++;
}

static void remove_connection(DWORD i)
{
	closesocket(connections[i]->s);
	free(connections[i]);
	WSACloseEvent(events[i]);
	num_events--;
	connections[i] = connections[num_events];
	events[i] = events[num_events];
	num_closed++;
}

/* Returns FALSE if the connection is over. */
static BOOL pump(CONNECTION *c)
{
	int n;

	for (;;) {
		while (c->from < c->to) {
			n = send(c->s, c->data + c->from, c->to - c->from, 0);
			if (n == SOCKET_ERROR)
				return WSAGetLastError() == WSAEWOULDBLOCK;
			c->from += n;
		}
		c->from = c->to = 0;
		n = recv(c->s, c->data, sizeof(c->data), 0);
		if (n == 0)
			return FALSE;
		if (n == SOCKET_ERROR)
			return WSAGetLastError() == WSAEWOULDBLOCK;
		c->to = n;
	}
}

static DWORD WINAPI server_thread(LPVOID param)
{
	WSANETWORKEVENTS network;
	DWORD i;

	(void)param;
	for (;;) {
		DWORD result = WSAWaitForMultipleEvents(num_events, events, FALSE, 10000, FALSE);

		if (result == WSA_WAIT_FAILED || result == WSA_WAIT_TIMEOUT)
			return 1;
		i = result - WSA_WAIT_EVENT_0;
		if (i == 0) {
			for (i = 2; i < num_events;)
				remove_connection(i);
			return 0;
		}
		if (i == 1) {
			WSAEnumNetworkEvents(listen_socket, events[1], &network);
			if (network.lNetworkEvents & FD_ACCEPT) {
				SOCKET s = accept(listen_socket, NULL, NULL);

				if (s != INVALID_SOCKET)
					add_connection(s);
			}
			continue;
		}
		if (WSAEnumNetworkEvents(connections[i]->s, events[i], &network) == SOCKET_ERROR)
			return 2;
		if (network.lNetworkEvents & FD_CLOSE)
			connections[i]->closing = TRUE;
		if (!pump(connections[i]))
			remove_connection(i);
	}
}

/* ---- The clients, all in one thread ---- */

typedef struct {
	SOCKET s;
	int sent, received;
	BOOL connected, closed;
	const char *wrong;
} CLIENT;

static CLIENT clients[NUM_CLIENTS];

static char pattern(int client, int i)
{
	return (char)(i * 31 + i / 256 + client);
}

static void send_some(CLIENT *c, int me)
{
	char data[4000];
	int i, n;

	while (c->sent < TOTAL) {
		for (i = 0; i < (int)sizeof(data) && c->sent + i < TOTAL; i++)
			data[i] = pattern(me, c->sent + i);
		n = send(c->s, data, i, 0);
		if (n == SOCKET_ERROR) {
			if (WSAGetLastError() != WSAEWOULDBLOCK)
				c->wrong = "sending";
			return;
		}
		c->sent += n;
	}
}

/* One recv for each FD_READ: what is left makes another event. */
static void receive_some(CLIENT *c, int me)
{
	char data[3000];
	int i, n = recv(c->s, data, sizeof(data), 0);

	if (n == SOCKET_ERROR && WSAGetLastError() != WSAEWOULDBLOCK)
		c->wrong = "receiving";
	for (i = 0; i < n; i++)
		if (data[i] != pattern(me, c->received++))
			c->wrong = "contents";
	if (c->received == TOTAL)
		shutdown(c->s, SD_SEND);
}

static BOOL handle_client(CLIENT *c, int me, WSAEVENT event)
{
	WSANETWORKEVENTS network;

	if (WSAEnumNetworkEvents(c->s, event, &network) == SOCKET_ERROR) {
		c->wrong = "WSAEnumNetworkEvents";
	} else {
		if (network.lNetworkEvents & FD_CONNECT) {
			c->connected = TRUE;
			if (network.iErrorCode[FD_CONNECT_BIT] != 0)
				c->wrong = "connecting";
		}
		if (network.lNetworkEvents & FD_READ)
			receive_some(c, me);
		if (network.lNetworkEvents & FD_WRITE)
			send_some(c, me);
		if (network.lNetworkEvents & FD_CLOSE) {
			c->closed = TRUE;
			if (network.iErrorCode[FD_CLOSE_BIT] != 0)
				c->wrong = "closing";
			else if (c->received != TOTAL)
				c->wrong = "closed too early";
		}
	}
	return c->closed || c->wrong != NULL;
}

static int run_clients(void)
{
	WSAEVENT client_events[NUM_CLIENTS];
	int left = NUM_CLIENTS, failures = 0, i;

	for (i = 0; i < NUM_CLIENTS; i++) {
		clients[i].s = WSASocket(AF_INET, SOCK_STREAM, 0, NULL, 0, 0);
		client_events[i] = WSACreateEvent();
		WSAEventSelect(clients[i].s, client_events[i],
			       FD_CONNECT | FD_READ | FD_WRITE | FD_CLOSE);
		if (WSAConnect(clients[i].s, (SOCKADDR *)&address, sizeof(address), NULL, NULL, NULL,
			       NULL) == SOCKET_ERROR && WSAGetLastError() != WSAEWOULDBLOCK)
			clients[i].wrong = "WSAConnect";
	}
	while (left > 0) {
		DWORD result = WSAWaitForMultipleEvents(NUM_CLIENTS, client_events, FALSE, 10000,
							FALSE);

		if (result >= WSA_WAIT_EVENT_0 + NUM_CLIENTS) {
			printf("# waiting: %d\n", (int)result);
			failures++;
			break;
		}
		i = (int)(result - WSA_WAIT_EVENT_0);
		if (handle_client(&clients[i], i, client_events[i])) {
			WSAEventSelect(clients[i].s, NULL, 0);
			closesocket(clients[i].s);
			WSAResetEvent(client_events[i]);
			left--;
		}
	}
	for (i = 0; i < NUM_CLIENTS; i++) {
		CLIENT *c = &clients[i];

		if (c->wrong != NULL || !c->connected || !c->closed || c->received != TOTAL) {
			printf("# client %d: %s, %d sent, %d received\n", i,
			       c->wrong ? c->wrong : "not ended", c->sent, c->received);
			failures++;
		}
		WSACloseEvent(client_events[i]);
	}
	return failures;
}

int main(void)
{
	int len = sizeof(address), failures;
	DWORD code = 99;
	WSADATA wsa;
	HANDLE thread;

	if (WSAStartup(MAKEWORD(2, 2), &wsa) != 0)
		return 1;
	listen_socket = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	events[0] = stop_event = WSACreateEvent();
	events[1] = WSACreateEvent();
	num_events = 2;
	if (bind(listen_socket, (SOCKADDR *)&address, sizeof(address)) == SOCKET_ERROR ||
	    getsockname(listen_socket, (SOCKADDR *)&address, &len) == SOCKET_ERROR ||
	    WSAEventSelect(listen_socket, events[1], FD_ACCEPT) == SOCKET_ERROR ||
	    listen(listen_socket, 20) == SOCKET_ERROR)
		return 1;
	thread = CreateThread(NULL, 0, server_thread, NULL, 0, NULL);
	failures = run_clients();
	WSASetEvent(stop_event);
	WaitForSingleObject(thread, 5000);
	GetExitCodeThread(thread, &code);
	if (code != 0 || num_accepted != NUM_CLIENTS || num_closed != NUM_CLIENTS) {
		printf("# the server: %d, %d accepted, %d closed\n", (int)code, num_accepted,
		       num_closed);
		failures++;
	}
	closesocket(listen_socket);
	WSACleanup();
	printf("%s 1 event_client.all_comes_back\n1..1\n", failures ? "not ok" : "ok");
	return failures != 0;
}
