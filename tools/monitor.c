// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * sockiocpctl monitor: what happens, a line for each event.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <linux/sock_diag.h>
#include <linux/sockiocp_netlink.h>

#include "sockiocpctl.h"

/* What a burst of events may take until they are read. */
#define ROOM	(1 << 20)

struct ear {
	const struct options *options;
	struct nl_sock *sock;
	/* How many events were told, and how many lost, which was told, too. */
	long told;
	uint32_t lost;
};

static const struct event {
	int command;
	const char *name;
	enum topic topic;
} events[] = {
	{ SOCKIOCP_CMD_PORT_CREATED, "port-created", TOPIC_PORTS },
	{ SOCKIOCP_CMD_PORT_CLOSED, "port-closed", TOPIC_PORTS },
	{ SOCKIOCP_CMD_USER_REFUSED, "user-refused", TOPIC_REFUSED },
	{ SOCKIOCP_CMD_PACKET_LATE, "packet-late", TOPIC_LATE },
};

#define EVENTS	(sizeof(events) / sizeof(*events))

static json_int_t number_in(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_port(const json_t *event, const char *what)
{
	printf("port %" JSON_INTEGER_FORMAT " %s: ", number_in(event, "id"), what);
	show_name(json_string_value(json_object_get(event, "comm")));
	if (json_object_get(event, "pid"))
		printf(" (%" JSON_INTEGER_FORMAT ")", number_in(event, "pid"));
	printf(" of user %" JSON_INTEGER_FORMAT "\n", number_in(event, "uid"));
}

static void print_refused(const json_t *event)
{
	const json_t *limit;
	size_t i;

	if (json_object_get(event, "uid"))
		printf("user %" JSON_INTEGER_FORMAT, number_in(event, "uid"));
	else
		printf("other users");
	printf(" refused %" JSON_INTEGER_FORMAT " times, at the limit of",
	       number_in(event, "count"));
	json_array_foreach(json_object_get(event, "limits"), i, limit)
		printf("%s %s", i ? "," : "", json_string_value(limit));
	putchar('\n');
}

static void print_late(const json_t *event)
{
	json_int_t count = number_in(event, "count");

	printf("port %" JSON_INTEGER_FORMAT ": ", number_in(event, "port"));
	if (count == 1)
		printf("a packet was queued for %" JSON_INTEGER_FORMAT " ms\n",
		       number_in(event, "longest"));
	else
		printf("%" JSON_INTEGER_FORMAT " packets were queued for up to %"
		       JSON_INTEGER_FORMAT " ms\n", count, number_in(event, "longest"));
}

static void print_event(const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));

	if (!strcmp(name, "port-created"))
		print_port(event, "created");
	else if (!strcmp(name, "port-closed"))
		print_port(event, "closed");
	else if (!strcmp(name, "user-refused"))
		print_refused(event);
	else if (!strcmp(name, "packet-late"))
		print_late(event);
	else if (number_in(event, "count"))
		printf("%" JSON_INTEGER_FORMAT " events lost\n", number_in(event, "count"));
	else
		printf("events lost\n");
}

/* Each at once, for who reads a pipe. */
static void tell_event(const struct ear *ear, json_t *event)
{
	if (ear->options->json)
		show_json(event, ear->options->pretty);
	else
		print_event(event);
	fflush(stdout);
	json_decref(event);
}

static void tell_lost(const struct ear *ear, json_int_t count)
{
	tell_event(ear, json_pack("{s:s,s:I}", "event", "lost", "count", count));
}

/* The kernel counts what a socket had no room for; whether it was any. */
static int look_for_lost(struct ear *ear)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof(info);
	uint32_t lost;

	if (getsockopt(nl_socket_get_fd(ear->sock), SOL_SOCKET, SO_MEMINFO, info, &size))
		return 0;
	lost = info[SK_MEMINFO_DROPS] - ear->lost;
	ear->lost += lost;
	if (lost)
		tell_lost(ear, lost);
	return lost != 0;
}

static int is_enough(const struct ear *ear)
{
	return ear->options->looks && ear->told >= ear->options->looks;
}

static int take_event(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nl = nlmsg_hdr(msg);
	struct ear *ear = arg;
	json_t *event;
	size_t i;

	for (i = 0; i < EVENTS && events[i].command != genlmsg_hdr(nl)->cmd; i++)
		;
	/* Of a newer module. */
	if (i == EVENTS || is_enough(ear))
		return NL_OK;
	event = json_pack("{s:s}", "event", events[i].name);
	add_attributes(event, events[i].topic, nl);
	tell_event(ear, event);
	ear->told++;
	return NL_OK;
}

static int join(struct nl_sock *sock)
{
	/* Both are asked for first: the answer to a question does not come among events. */
	int ports = genl_ctrl_resolve_grp(sock, SOCKIOCP_FAMILY_NAME, SOCKIOCP_MCGRP_PORTS);
	int limits = genl_ctrl_resolve_grp(sock, SOCKIOCP_FAMILY_NAME, SOCKIOCP_MCGRP_LIMITS);

	if (ports < 0 || limits < 0)
		fprintf(stderr, "sockiocpctl: the module is older than this program: "
				"it tells no events\n");
	else if (nl_socket_add_memberships(sock, ports, limits, 0))
		fprintf(stderr, "sockiocpctl: %s: events are told to CAP_NET_ADMIN only\n",
			strerror(errno));
	else
		return 0;
	return FAILED;
}

static int listen_on(struct ear *ear)
{
	int ret;

	while (!is_enough(ear)) {
		ret = nl_recvmsgs_default(ear->sock);
		/* What libnl makes of ENOBUFS. */
		if (ret == -NLE_NOMEM) {
			if (!look_for_lost(ear))
				tell_lost(ear, 0);
		} else if (ret < 0) {
			fprintf(stderr, "sockiocpctl: netlink: %s\n", nl_geterror(ret));
			return FAILED;
		} else {
			look_for_lost(ear);
		}
		if (ferror(stdout))
			return FAILED;
	}
	return 0;
}

int monitor(const struct options *options, int argc, char **argv)
{
	struct ear ear = { .options = options };
	int family, ret, room = ROOM;

	if (argc)
		return complain("monitor has no arguments", argv[0]);
	ear.sock = connect_to_family(&family);
	if (!ear.sock)
		return FAILED;
	/* Who may listen may have more than others. */
	setsockopt(nl_socket_get_fd(ear.sock), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	nl_socket_modify_cb(ear.sock, NL_CB_VALID, NL_CB_CUSTOM, take_event, &ear);
	ret = join(ear.sock);
	if (!ret)
		ret = listen_on(&ear);
	nl_socket_free(ear.sock);
	return ret;
}
