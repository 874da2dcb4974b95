// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Options of sockets: those whose values Winsock has in another form.  The
 * others go through as they are, since the headers carry Linux' numbers.
 *
 *   SO_RCVTIMEO, SO_SNDTIMEO	DWORD of ms; Linux has a struct timeval
 *   SO_LINGER			two u_short; Linux has two int
 *   SO_DONTLINGER		its opposite, without the seconds
 *   SO_ERROR			a code of Winsock's
 *   SO_EXCLUSIVEADDRUSE	Linux' default; means that SO_REUSEADDR is off
 *   SO_RCVBUF, SO_SNDBUF	what fits; Linux reserves twice that, for itself too,
 *				and reports what it has reserved
 *
 * SO_REUSEADDR is Linux': it takes no port away from a socket that listens on
 * it, as it would on Windows, and listen() sets it (see bind()).
 *
 * What was set reads back, but for what Linux makes of it: buffers are cut to
 * net.core.rmem_max or wmem_max and have a least size, time-outs become whole
 * jiffies.  To know better one would have to remember it for each socket.
 *
 * What Linux has not is in winsock_option.c.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>

#include "internal.h"
#include "posix.h"
#include "winsock.h"

/* Returns whether Winsock's value of an option is another than Linux'. */
static bool is_converted(int level, int optname)
{
	if (level != SOL_SOCKET)
		return false;
	switch (optname) {
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
	case SO_LINGER:
	case SO_DONTLINGER:
	case SO_ERROR:
	case SO_EXCLUSIVEADDRUSE:
	case SO_RCVBUF:
	case SO_SNDBUF:
		return true;
	default:
		return false;
	}
}

static int set_timeout(int fd, int name, DWORD ms)
{
	struct timeval tv = {
		.tv_sec = ms / MSEC_PER_SEC,
		.tv_usec = ms % MSEC_PER_SEC * 1000,
	};

	/* Before the first time-out can happen. */
	if (ms)
		atomic_store(&sockiocp_timeouts_used, true);
	return libc_setsockopt(fd, SOL_SOCKET, name, &tv, sizeof(tv));
}

static int get_timeout(int fd, int name, DWORD *ms)
{
	unsigned int size = sizeof(struct timeval);
	struct timeval tv;
	long long all;

	if (libc_getsockopt(fd, SOL_SOCKET, name, &tv, &size))
		return -1;
	all = tv.tv_sec * (long long)MSEC_PER_SEC + tv.tv_usec / 1000;
	/* The longest one, rounded up, must not become 0: none. */
	*ms = all > UINT_MAX ? UINT_MAX : (DWORD)all;
	return 0;
}

static int set_linger(int fd, int onoff, int seconds)
{
	struct libc_linger value = { .l_onoff = onoff, .l_linger = seconds };

	return libc_setsockopt(fd, SOL_SOCKET, SO_LINGER, &value,
			       sizeof(value));
}

static int get_linger(int fd, struct libc_linger *value)
{
	unsigned int size = sizeof(*value);

	return libc_getsockopt(fd, SOL_SOCKET, SO_LINGER, value, &size);
}

static int set_dontlinger(int fd, int dont)
{
	struct libc_linger old;

	if (get_linger(fd, &old))
		return -1;
	return set_linger(fd, !dont, old.l_linger);
}

/* Returns whether an option of SOL_SOCKET's that is converted is a number, and no BOOL. */
static bool is_number(int optname)
{
	return optname == SO_RCVTIMEO || optname == SO_SNDTIMEO || optname == SO_RCVBUF ||
	       optname == SO_SNDBUF;
}

/*
 * Reads a DWORD or a BOOL, which Windows takes from a single byte too.  Returns
 * -1 with errno set if there is none.
 */
static int read_int(const char *optval, int optlen, int *value)
{
	if (!optval || optlen < 1) {
		errno = EFAULT;
		return -1;
	}
	if (optlen < (int)sizeof(*value))
		*value = *(const unsigned char *)optval;
	else
		memcpy(value, optval, sizeof(*value));
	return 0;
}

/* Sets an option that is converted.  Returns -1 with errno set if it fails. */
static int set_converted(int fd, int optname, const char *optval, int optlen)
{
	LINGER linger;
	int value;

	if (optname == SO_LINGER) {
		if (!optval || optlen < (int)sizeof(linger)) {
			errno = EFAULT;
			return -1;
		}
		memcpy(&linger, optval, sizeof(linger));
		return set_linger(fd, linger.l_onoff, linger.l_linger);
	}

	if (is_number(optname) && optlen < (int)sizeof(value)) {
		errno = EFAULT;
		return -1;
	}
	if (read_int(optval, optlen, &value))
		return -1;
	switch (optname) {
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
		return set_timeout(fd, optname, (DWORD)value);
	case SO_DONTLINGER:
		return set_dontlinger(fd, value);
	case SO_EXCLUSIVEADDRUSE:
		return sockiocp_set_int(fd, SOL_SOCKET, SO_REUSEADDR, !value);
	case SO_RCVBUF:
	case SO_SNDBUF:
		return sockiocp_set_int(fd, SOL_SOCKET, optname, value);
	default:
		/* SO_ERROR is only read. */
		errno = ENOPROTOOPT;
		return -1;
	}
}

/* The values of options that are converted: all of them are four bytes. */
union converted {
	DWORD ms;
	int number;
	LINGER linger;
};

_Static_assert(sizeof(union converted) == 4, "what getsockopt() writes");

/* Gets an option that is converted.  Returns -1 with errno set if it fails. */
static int get_converted(int fd, int optname, union converted *value)
{
	struct libc_linger linger;
	int number, kept;

	switch (optname) {
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
		return get_timeout(fd, optname, &value->ms);
	case SO_LINGER:
		if (get_linger(fd, &linger))
			return -1;
		value->linger.l_onoff = (u_short)linger.l_onoff;
		value->linger.l_linger = (u_short)linger.l_linger;
		return 0;
	case SO_DONTLINGER:
		if (get_linger(fd, &linger))
			return -1;
		value->number = !linger.l_onoff;
		return 0;
	case SO_EXCLUSIVEADDRUSE:
		if (sockiocp_get_int(fd, SO_REUSEADDR, &number))
			return -1;
		value->number = !number;
		return 0;
	case SO_RCVBUF:
	case SO_SNDBUF:
		if (sockiocp_get_int(fd, optname, &number))
			return -1;
		value->number = number / 2;
		return 0;
	default: /* SO_ERROR */
		if (sockiocp_get_int(fd, SO_ERROR, &number))
			return -1;
		kept = sockiocp_take_kept_error(fd);
		if (!number)
			number = kept;
		sockiocp_note_told(fd, number);
		value->number = sockiocp_wsa_error(sockiocp_datagram_error(fd, number));
		return 0;
	}
}

/* Returns whether Winsock has options of this level. */
static bool is_level(int level)
{
	return level == SOL_SOCKET || level == IPPROTO_TCP || level == IPPROTO_UDP ||
	       level == IPPROTO_IP || level == IPPROTO_IPV6;
}

/* Fails; that the socket is none comes before what is wrong with the level and the value. */
static int option_fail(int fd, int level, int err)
{
	if ((err == ENOPROTOOPT || err == EOPNOTSUPP) && !is_level(level))
		err = EINVAL;
	return sockiocp_wsa_fail(sockiocp_is_socket(fd) ? err : errno);
}

/**
 * setsockopt - set an option of a socket
 * @s: the socket
 * @level: SOL_SOCKET, IPPROTO_TCP, IPPROTO_IP or IPPROTO_IPV6
 * @optname: the option
 * @optval: its value: a DWORD or BOOL for most (one byte will do for a BOOL), a
 *	LINGER for SO_LINGER
 * @optlen: size of the value in bytes
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAENOPROTOOPT	no such option
 *   WSAEINVAL		no such level; or the value, or the socket's state, does not allow it
 *   WSAEFAULT		@optval is NULL or @optlen too small
 *   WSAENOTSOCK	not a socket
 *   WSAEACCES		the user may not set it
 *
 * Windows: "setsockopt function (winsock.h)", "SOL_SOCKET Socket Options".
 */
int WSAAPI setsockopt(SOCKET s, int level, int optname, const char *optval,
		      int optlen)
{
	int fd = sockiocp_socket_fd(s);
	int value, err;

	if (sockiocp_is_winsock_option(level, optname)) {
		err = sockiocp_set_winsock_option(fd, optname, optval, optlen);
	} else if (is_converted(level, optname)) {
		err = set_converted(fd, optname, optval, optlen);
	} else if (optlen > 0 && optlen < (int)sizeof(value)) {
		err = read_int(optval, optlen, &value);
		if (!err)
			err = sockiocp_set_int(fd, level, optname, value);
	} else {
		err = libc_setsockopt(fd, level, optname, optval,
				      (unsigned int)optlen);
		/* Linux' word for a length that is none. */
		if (err && errno == EINVAL && optlen <= 0)
			errno = EFAULT;
	}
	return err ? option_fail(fd, level, errno) : 0;
}

/**
 * getsockopt - get an option of a socket
 * @s: the socket
 * @level: SOL_SOCKET, IPPROTO_TCP, IPPROTO_IP or IPPROTO_IPV6
 * @optname: the option
 * @optval: receives its value: a DWORD or BOOL for most, a LINGER for SO_LINGER
 * @optlen: in: size of @optval in bytes; out: size of the value
 *
 * SO_ERROR is a code of Winsock's, and is 0 after it has been read.
 *
 * Return: 0; SOCKET_ERROR if it fails, and WSAGetLastError() says why:
 *   WSAENOPROTOOPT	no such option
 *   WSAEINVAL		no such level
 *   WSAEFAULT		a pointer is NULL or *@optlen too small
 *   WSAENOTSOCK	not a socket
 *
 * Windows: "getsockopt function (winsock.h)", "SOL_SOCKET Socket Options".
 */
int WSAAPI getsockopt(SOCKET s, int level, int optname, char *optval,
		      int *optlen)
{
	int fd = sockiocp_socket_fd(s);
	union converted value;
	int err;

	if (sockiocp_is_winsock_option(level, optname)) {
		err = sockiocp_get_winsock_option(fd, optname, optval, optlen);
		return err ? option_fail(fd, level, errno) : 0;
	}
	if (!is_converted(level, optname)) {
		err = libc_getsockopt(fd, level, optname, optval,
				      (unsigned int *)optlen);
		if (err && errno == EINVAL && *optlen < 0)
			errno = EFAULT;
		return err ? option_fail(fd, level, errno) : 0;
	}

	/* All of these take four bytes. */
	if (!optval || !optlen || *optlen < (int)sizeof(value))
		return option_fail(fd, level, EFAULT);
	if (get_converted(fd, optname, &value))
		return sockiocp_wsa_fail(errno);
	memcpy(optval, &value, sizeof(value));
	*optlen = sizeof(value);
	return 0;
}
