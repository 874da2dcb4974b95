// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Calls of the library with arguments of libFuzzer's, under ASan and UBSan: what
 * it makes of options, sizes, addresses, codes, flags and handles that no sane
 * program passes.
 *
 * There is no /dev/sockiocp here, so the calls of completion ports only get to
 * refuse what they are given.  Each buffer is on the heap and no larger than the
 * call is told.  What is wrong beyond that, abort() says.
 *
 * The network is one of its own, so that nothing is sent to anybody, and so are the
 * user's rights: even root can do no harm with an option.
 */
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

enum { SOCKETS = 4, CALLS = 24, BIG = 4096 };

/* What is left of the input; 0 follows its end. */
struct bytes {
	const unsigned char *at;
	size_t left;
};

static SOCKET sockets[SOCKETS];

#define MUST(condition)							\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "%s:%d: not so: %s\n", __func__,\
				__LINE__, #condition);			\
			abort();					\
		}							\
	} while (0)

/* A call that failed has said why; one that succeeded has said nothing. */
#define MUST_SAY_WHY(failed)	MUST(!(failed) == !WSAGetLastError())

static void take(struct bytes *in, void *to, size_t size)
{
	size_t n = size < in->left ? size : in->left;

	memset(to, 0, size);
	memcpy(to, in->at, n);
	in->at += n;
	in->left -= n;
}

static unsigned int byte(struct bytes *in)
{
	unsigned char value;

	take(in, &value, 1);
	return value;
}

/* Half of the numbers are small, the others are beside a power of two. */
static int number(struct bytes *in)
{
	unsigned int first = byte(in), value;

	if (first < 128)
		return first;
	take(in, &value, sizeof(value));
	if (first < 192)
		return value;
	return (1u << first % 32) + value % 3 - 1;
}

static int size_below(struct bytes *in, int limit)
{
	return (unsigned int)number(in) % limit;
}

/* What a buffer holds that was allocated for so many bytes, or NULL. */
static void *buffer(struct bytes *in, int size)
{
	char *data;

	if (size <= 0 && byte(in) % 2)
		return NULL;
	data = malloc(size > 0 ? size : 0);
	take(in, data, size > 0 ? size : 0);
	return data;
}

static SOCKET any_socket(struct bytes *in)
{
	unsigned int which = byte(in);

	switch (which % 16) {
	case 15:
		return INVALID_SOCKET;
	case 14:
		return ~0ull >> which % 40;
	case 13:
		/* Not a socket. */
		return 0;
	default:
		return sockets[which % SOCKETS];
	}
}

static HANDLE any_handle(struct bytes *in)
{
	return (HANDLE)any_socket(in);
}

/* ------------------------------------------------------------------- options */

static const int levels[] = { SOL_SOCKET, IPPROTO_TCP, IPPROTO_IP, IPPROTO_IPV6 };

/* Those that are converted come up often. */
static const int options[] = {
	SO_RCVTIMEO, SO_SNDTIMEO, SO_LINGER, SO_DONTLINGER, SO_ERROR,
	SO_EXCLUSIVEADDRUSE, SO_REUSEADDR, SO_TYPE,
};

static void choose_option(struct bytes *in, int *level, int *option)
{
	unsigned int which = byte(in);

	*level = which & 64 ? number(in) : levels[which % 4];
	*option = which & 128 ? number(in) : options[byte(in) % 8];
}

/* It would let a test run for ever. */
static bool is_harmful(int level, int option)
{
	return level == SOL_SOCKET && (option == SO_LINGER || option == SO_DONTLINGER);
}

static void set_option(struct bytes *in)
{
	SOCKET s = any_socket(in);
	int level, option, size;
	void *value;
	int ret;

	choose_option(in, &level, &option);
	size = size_below(in, 300);
	value = buffer(in, size);
	ret = setsockopt(s, level, option, value, byte(in) % 8 ? size : -size);
	MUST(ret == 0 || ret == SOCKET_ERROR);
	MUST_SAY_WHY(ret);
	free(value);
	if (is_harmful(level, option)) {
		LINGER none = { 1, 0 };

		setsockopt(s, SOL_SOCKET, SO_LINGER, (char *)&none, sizeof(none));
	}
}

static void get_option(struct bytes *in)
{
	SOCKET s = any_socket(in);
	int level, option, size, room;
	char *value;
	int ret;

	choose_option(in, &level, &option);
	room = size_below(in, 300);
	value = buffer(in, room);
	size = room;
	ret = getsockopt(s, level, option, value, byte(in) % 16 ? &size : NULL);
	MUST(ret == 0 || ret == SOCKET_ERROR);
	MUST_SAY_WHY(ret);
	MUST(ret || size <= room);
	free(value);
}

static void control(struct bytes *in)
{
	static const long commands[] = { FIONBIO, FIONREAD, SIOCATMARK };
	unsigned int which = byte(in);
	long command = which < 200 ? commands[which % 3] : number(in);
	/* Four bytes, whatever it points at. */
	u_long *value = buffer(in, 4);
	SOCKET s = any_socket(in);
	int ret = ioctlsocket(s, command, value);

	MUST_SAY_WHY(ret);
	free(value);
	/* Nothing here may block. */
	ioctlsocket(s, FIONBIO, &(int){ 1 });
}

/* ----------------------------------------------------------------- addresses */

static void *address(struct bytes *in, int *size)
{
	static const ADDRESS_FAMILY families[] = { AF_INET, AF_INET6, AF_UNIX, 0 };
	struct sockaddr *addr;

	*size = byte(in) % 4 ? 16 + 12 * (byte(in) % 2) : size_below(in, 200);
	addr = buffer(in, *size);
	if (addr && *size >= (int)sizeof(addr->sa_family) && byte(in) % 8)
		addr->sa_family = families[byte(in) % 4];
	/* No files are left behind. */
	if (addr && *size > 2 && addr->sa_family == AF_UNIX)
		((char *)addr)[2] = 0;
	return addr;
}

static void use_address(struct bytes *in)
{
	unsigned int what = byte(in);
	SOCKET s = any_socket(in);
	char data[8] = "";
	void *addr;
	int size, ret;

	addr = address(in, &size);
	if (what % 3 == 0)
		ret = bind(s, addr, size);
	else if (what % 3 == 1)
		ret = connect(s, addr, size);
	else
		ret = sendto(s, data, what % sizeof(data), number(in), addr, size) < 0;
	MUST_SAY_WHY(ret);
	free(addr);
}

static void tell_address(struct bytes *in)
{
	SOCKET s = any_socket(in), new = INVALID_SOCKET;
	unsigned int what = byte(in);
	int room = size_below(in, 200), size = room, ret;
	void *addr = malloc(room);
	char data[16];

	switch (what % 4) {
	case 0:
		ret = getsockname(s, addr, &size);
		break;
	case 1:
		ret = getpeername(s, addr, &size);
		break;
	case 2:
		new = accept(s, addr, &size);
		ret = new == INVALID_SOCKET;
		break;
	default:
		ret = recvfrom(s, data, what % sizeof(data), number(in), addr, &size) < 0;
	}
	MUST_SAY_WHY(ret);
	if (new != INVALID_SOCKET)
		closesocket(new);
	free(addr);
}

static void read_address(struct bytes *in)
{
	int family = byte(in) % 2 ? AF_INET : byte(in) % 8 ? AF_INET6 : number(in);
	int size = size_below(in, 100);
	char *text = malloc(size + 1), *back;
	size_t room = size_below(in, INET6_ADDRSTRLEN + 8);
	void *addr = malloc(family == AF_INET ? 4 : 16);

	take(in, text, size);
	text[size] = 0;
	if (!size) {
		MUST(inet_addr(NULL) == INADDR_NONE);
		MUST(inet_pton(family, NULL, addr) == SOCKET_ERROR);
		MUST(!inet_ntop(family, NULL, text, 1));
		MUST(!inet_ntop(family, addr, NULL, room));
		MUST(WSAGetLastError() == WSAEFAULT);
	}
	inet_addr(text);
	if (inet_pton(family, text, addr) == 1) {
		back = malloc(room);
		WSASetLastError(0);
		if (inet_ntop(family, addr, back, room)) {
			MUST(strlen(back) < room);
			MUST(inet_pton(family, back, addr) == 1);
		} else {
			MUST(WSAGetLastError());
		}
		free(back);
	}
	free(addr);
	free(text);
}

/* ------------------------------------------------------------- data and ends */

static void transfer(struct bytes *in)
{
	SOCKET s = any_socket(in);
	int size = size_below(in, BIG);
	char *data = buffer(in, size);
	int told = byte(in) % 8 ? size : -size, ret;

	if (byte(in) % 2)
		ret = send(s, data, told, number(in));
	else
		ret = recv(s, data, told, number(in));
	MUST(ret <= size);
	MUST_SAY_WHY(ret < 0);
	free(data);
}

static void change(struct bytes *in)
{
	unsigned int what = byte(in);
	SOCKET *s = &sockets[what % SOCKETS];

	static const int families[] = { AF_INET, AF_INET6, AF_UNIX, 0, 255, -1 };

	switch (what / SOCKETS % 4) {
	case 0:
		listen(*s, number(in));
		break;
	case 1:
		shutdown(*s, number(in));
		break;
	default:
		closesocket(*s);
		WSASetLastError(0);
		*s = socket(families[byte(in) % 6], byte(in) % 6,
			    byte(in) % 2 ? 0 : byte(in));
		MUST_SAY_WHY(*s == INVALID_SOCKET);
		if (*s == INVALID_SOCKET)
			*s = socket(AF_INET, SOCK_STREAM, 0);
		MUST(*s != INVALID_SOCKET);
		ioctlsocket(*s, FIONBIO, &(int){ 1 });
	}
}

static void start(struct bytes *in)
{
	WSADATA *data = byte(in) % 8 ? malloc(sizeof(*data)) : NULL;
	int ret = WSAStartup(number(in), data);

	MUST(data || ret == WSAEFAULT);
	MUST(!data || memchr(data->szDescription, 0, sizeof(data->szDescription)));
	if (!ret)
		MUST(!WSACleanup());
	free(data);
}

/* --------------------------------------------------------------------- texts */

static void text_of(struct bytes *in, bool wide)
{
	DWORD flags = FORMAT_MESSAGE_FROM_SYSTEM, code = number(in), size, length;
	unsigned int which = byte(in);
	void *text = NULL, *where;

	flags = which < 200 ? flags | (which % 2 ? FORMAT_MESSAGE_ALLOCATE_BUFFER : 0) |
		(which % 3 ? 0 : FORMAT_MESSAGE_MAX_WIDTH_MASK) : (DWORD)number(in);
	size = size_below(in, 300);
	if (flags & FORMAT_MESSAGE_ALLOCATE_BUFFER) {
		where = &text;
	} else {
		text = buffer(in, size * (wide ? sizeof(WCHAR) : 1));
		where = text;
	}
	if (wide)
		length = FormatMessageW(flags, NULL, code, 0, where, size, NULL);
	else
		length = FormatMessageA(flags, NULL, code, 0, where, size, NULL);
	MUST_SAY_WHY(!length);
	if (length && wide)
		MUST(!((WCHAR *)text)[length] && ((WCHAR *)text)[length - 1]);
	else if (length)
		MUST(strlen(text) == length);
	if (flags & FORMAT_MESSAGE_ALLOCATE_BUFFER)
		LocalFree(text);
	else
		free(text);
}

/* --------------------------------------------------------------------- ports */

static void use_port(struct bytes *in)
{
	DWORD count = byte(in) % 8, size = byte(in) % 8, received, ms = byte(in) % 2;
	SOCK_NOTIFY_REGISTRATION *reg = buffer(in, count * sizeof(*reg));
	OVERLAPPED_ENTRY *got = malloc(size * sizeof(*got));
	HANDLE port = any_handle(in);
	OVERLAPPED *overlapped;
	ULONG_PTR key;
	BOOL ok = FALSE;

	switch (byte(in) % 6) {
	case 0:
		ok = !ProcessSocketNotifications(port, byte(in) % 16 ? count : number(in),
						 reg, ms, size, size ? got : NULL,
						 size ? &received : NULL);
		break;
	case 1:
		ok = GetQueuedCompletionStatusEx(port, got, size, &received, ms,
						 byte(in) % 2);
		break;
	case 2:
		ok = GetQueuedCompletionStatus(port, byte(in) % 8 ? &received : NULL,
					       byte(in) % 8 ? &key : NULL,
					       byte(in) % 8 ? &overlapped : NULL, ms);
		break;
	case 3:
		ok = PostQueuedCompletionStatus(port, count, number(in), NULL);
		break;
	case 4:
		ok = CreateIoCompletionPort(any_handle(in), port, 0, number(in)) != NULL;
		break;
	case 5:
		/* There is no port to be had. */
		MUST(!CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, number(in)));
		break;
	}
	MUST(!ok);
	MUST(GetLastError());
	free(got);
	free(reg);
}

static void NTAPI called(ULONG_PTR parameter)
{
	MUST(parameter == 42);
}

static void wait_for(struct bytes *in)
{
	HANDLE handles[4] = { any_handle(in), any_handle(in), any_handle(in), NULL };
	DWORD count = byte(in) % 16 ? byte(in) % 4 : (DWORD)number(in);

	if (count > 4)
		count = MAXIMUM_WAIT_OBJECTS + count % 4;
	switch (byte(in) % 3) {
	case 0:
		/* What is too many is not looked at. */
		if (count <= 4 || count > MAXIMUM_WAIT_OBJECTS)
			WaitForMultipleObjects(count, handles, byte(in) % 2, 0);
		break;
	case 1:
		WaitForSingleObject(handles[0], 0);
		break;
	case 2:
		if (QueueUserAPC(byte(in) % 4 ? called : NULL,
				 byte(in) % 2 ? GetCurrentThread() : handles[0], 42))
			MUST(SleepEx(0, TRUE) == WAIT_IO_COMPLETION);
		break;
	}
}

/* ------------------------------------------------------------------ libFuzzer */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	WSADATA data;

	(void)argc;
	(void)argv;
	MUST(!WSAStartup(WINSOCK_VERSION, &data));
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		perror("no user and network namespaces of its own");
		exit(1);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct bytes in = { data, size };
	int i;

	for (i = 0; i < SOCKETS; i++) {
		sockets[i] = socket(i % 2 ? AF_INET : AF_INET6,
				    i / 2 ? SOCK_DGRAM : SOCK_STREAM, 0);
		MUST(sockets[i] != INVALID_SOCKET);
		ioctlsocket(sockets[i], FIONBIO, &(int){ 1 });
	}
	for (i = 0; i < CALLS && in.left; i++) {
		WSASetLastError(0);
		switch (byte(&in) % 12) {
		case 0:
		case 1:
			set_option(&in);
			break;
		case 2:
		case 3:
			get_option(&in);
			break;
		case 4:
			control(&in);
			break;
		case 5:
			use_address(&in);
			break;
		case 6:
			tell_address(&in);
			break;
		case 7:
			read_address(&in);
			break;
		case 8:
			transfer(&in);
			change(&in);
			break;
		case 9:
			start(&in);
			break;
		case 10:
			text_of(&in, byte(&in) % 2);
			break;
		case 11:
			use_port(&in);
			wait_for(&in);
			break;
		}
	}
	for (i = 0; i < SOCKETS; i++)
		closesocket(sockets[i]);
	return 0;
}
