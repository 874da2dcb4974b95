// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * The questions of sockiocpctl, and the kernel's answers, as JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <linux/sockiocp.h>
#include <linux/sockiocp_netlink.h>

#include "sockiocpctl.h"

/* How an attribute becomes JSON. */
enum form {
	/* A number, of 2, 4 or 8 bytes. */
	NUMBER,
	/* An array of numbers of 8 bytes. */
	NUMBERS,
	TEXT,
	/* It is there, or not. */
	FLAG,
	/* One of some words. */
	WORD,
	/* A number of bits, each with a letter. */
	BITS,
	ADDRESS,
	FAMILY,
	PROTOCOL,
};

struct attribute {
	const char *key;
	enum form form;
	/* WORD: the words; BITS: letters, from the lowest bit up. */
	const char *const *words;
};

static const char *const states[] = { "armed", "queued", "disabled", NULL };
static const char *const doings[] = { "waiting", "running", "blocked", NULL };
static const char *const events[] = { "in", "out", "hangup", NULL };
static const char *const limits[] = { "registrations", "endpoints", "operations", "packets",
				      "offers", NULL };
static const char *const triggers[] = { "oneshot", "persistent", "level", "edge", NULL };

#define MOST_ATTRIBUTES	32

static const struct attribute port_attributes[MOST_ATTRIBUTES] = {
	[SOCKIOCP_A_PORT_ID] = { "id", NUMBER, NULL },
	[SOCKIOCP_A_PORT_UID] = { "uid", NUMBER, NULL },
	[SOCKIOCP_A_PORT_PID] = { "pid", NUMBER, NULL },
	[SOCKIOCP_A_PORT_COMM] = { "comm", TEXT, NULL },
	[SOCKIOCP_A_PORT_CLOSED] = { "closed", FLAG, NULL },
	[SOCKIOCP_A_PORT_REGISTRATIONS] = { "registrations", NUMBER, NULL },
	[SOCKIOCP_A_PORT_ARMED] = { "armed", NUMBER, NULL },
	[SOCKIOCP_A_PORT_QUEUED] = { "queued", NUMBER, NULL },
	[SOCKIOCP_A_PORT_DISABLED] = { "disabled", NUMBER, NULL },
	[SOCKIOCP_A_PORT_ENDPOINTS] = { "endpoints", NUMBER, NULL },
	[SOCKIOCP_A_PORT_OPERATIONS] = { "operations", NUMBER, NULL },
	[SOCKIOCP_A_PORT_PACKETS] = { "packets", NUMBER, NULL },
	[SOCKIOCP_A_PORT_DELIVERED] = { "delivered", NUMBER, NULL },
	[SOCKIOCP_A_PORT_WAITERS] = { "waiters", NUMBER, NULL },
	[SOCKIOCP_A_PORT_WORKERS] = { "workers", NUMBER, NULL },
	[SOCKIOCP_A_PORT_ACTIVE] = { "active", NUMBER, NULL },
	[SOCKIOCP_A_PORT_CONCURRENCY] = { "concurrency", NUMBER, NULL },
	[SOCKIOCP_A_PORT_BATCHES] = { "batches", NUMBERS, NULL },
	[SOCKIOCP_A_PORT_WAITS] = { "waits", NUMBERS, NULL },
};

static const struct attribute registration_attributes[MOST_ATTRIBUTES] = {
	[SOCKIOCP_A_REGISTRATION_PORT] = { "port", NUMBER, NULL },
	[SOCKIOCP_A_REGISTRATION_INODE] = { "inode", NUMBER, NULL },
	[SOCKIOCP_A_REGISTRATION_FILTER] = { "filter", BITS, events },
	[SOCKIOCP_A_REGISTRATION_TRIGGER] = { "trigger", BITS, triggers },
	[SOCKIOCP_A_REGISTRATION_STATE] = { "state", WORD, states },
	[SOCKIOCP_A_REGISTRATION_CLOSED] = { "closed", FLAG, NULL },
	[SOCKIOCP_A_REGISTRATION_FAMILY] = { "family", FAMILY, NULL },
	[SOCKIOCP_A_REGISTRATION_TYPE] = { "type", NUMBER, NULL },
	[SOCKIOCP_A_REGISTRATION_PROTOCOL] = { "protocol", PROTOCOL, NULL },
	[SOCKIOCP_A_REGISTRATION_LOCAL_ADDRESS] = { "local-address", ADDRESS, NULL },
	[SOCKIOCP_A_REGISTRATION_LOCAL_PORT] = { "local-port", NUMBER, NULL },
	[SOCKIOCP_A_REGISTRATION_REMOTE_ADDRESS] = { "remote-address", ADDRESS, NULL },
	[SOCKIOCP_A_REGISTRATION_REMOTE_PORT] = { "remote-port", NUMBER, NULL },
};

static const struct attribute worker_attributes[MOST_ATTRIBUTES] = {
	[SOCKIOCP_A_WORKER_PORT] = { "port", NUMBER, NULL },
	[SOCKIOCP_A_WORKER_TID] = { "tid", NUMBER, NULL },
	[SOCKIOCP_A_WORKER_PID] = { "pid", NUMBER, NULL },
	[SOCKIOCP_A_WORKER_COMM] = { "comm", TEXT, NULL },
	[SOCKIOCP_A_WORKER_STATE] = { "state", WORD, doings },
};

static const struct attribute user_attributes[MOST_ATTRIBUTES] = {
	[SOCKIOCP_A_USER_UID] = { "uid", NUMBER, NULL },
	[SOCKIOCP_A_USER_REGISTRATIONS] = { "registrations", NUMBER, NULL },
	[SOCKIOCP_A_USER_ENDPOINTS] = { "endpoints", NUMBER, NULL },
	[SOCKIOCP_A_USER_OPERATIONS] = { "operations", NUMBER, NULL },
	[SOCKIOCP_A_USER_PACKETS] = { "packets", NUMBER, NULL },
	[SOCKIOCP_A_USER_OFFERS] = { "offers", NUMBER, NULL },
	[SOCKIOCP_A_USER_REFUSALS] = { "refusals", NUMBER, NULL },
	[SOCKIOCP_A_USER_MAX_REGISTRATIONS] = { "max-registrations", NUMBER, NULL },
	[SOCKIOCP_A_USER_MAX_OPERATIONS] = { "max-operations", NUMBER, NULL },
	[SOCKIOCP_A_USER_MAX_PACKETS] = { "max-packets", NUMBER, NULL },
	[SOCKIOCP_A_USER_MAX_OFFERS] = { "max-offers", NUMBER, NULL },
};

static const struct attribute limits_attributes[MOST_ATTRIBUTES] = {
	[SOCKIOCP_A_LIMITS_REGISTRATIONS] = { "registrations", NUMBER, NULL },
	[SOCKIOCP_A_LIMITS_OPERATIONS] = { "operations", NUMBER, NULL },
	[SOCKIOCP_A_LIMITS_PACKETS] = { "packets", NUMBER, NULL },
	[SOCKIOCP_A_LIMITS_OFFERS] = { "offers", NUMBER, NULL },
};

static const struct attribute refused_attributes[MOST_ATTRIBUTES] = {
	[SOCKIOCP_A_REFUSED_UID] = { "uid", NUMBER, NULL },
	[SOCKIOCP_A_REFUSED_COUNT] = { "count", NUMBER, NULL },
	[SOCKIOCP_A_REFUSED_LIMITS] = { "limits", BITS, limits },
};

static const struct attribute late_attributes[MOST_ATTRIBUTES] = {
	[SOCKIOCP_A_LATE_PORT] = { "port", NUMBER, NULL },
	[SOCKIOCP_A_LATE_COUNT] = { "count", NUMBER, NULL },
	[SOCKIOCP_A_LATE_LONGEST] = { "longest", NUMBER, NULL },
};

static const struct {
	int command;
	const struct attribute *attributes;
	/* The attribute that asks for one port; 0 if there is none. */
	int of_port;
	int is_dump;
} topics[] = {
	[TOPIC_PORTS] = { SOCKIOCP_CMD_PORT_GET, port_attributes, SOCKIOCP_A_PORT_ID, 1 },
	[TOPIC_REGISTRATIONS] = { SOCKIOCP_CMD_REGISTRATION_GET, registration_attributes,
				  SOCKIOCP_A_REGISTRATION_PORT, 1 },
	[TOPIC_WORKERS] = { SOCKIOCP_CMD_WORKER_GET, worker_attributes,
			    SOCKIOCP_A_WORKER_PORT, 1 },
	[TOPIC_USERS] = { SOCKIOCP_CMD_USER_GET, user_attributes, 0, 1 },
	[TOPIC_LIMITS] = { SOCKIOCP_CMD_LIMITS_GET, limits_attributes, 0, 0 },
	[TOPIC_REFUSED] = { SOCKIOCP_CMD_USER_REFUSED, refused_attributes, 0, 0 },
	[TOPIC_LATE] = { SOCKIOCP_CMD_PACKET_LATE, late_attributes, 0, 0 },
};

/* ------------------------------------------------------------------ an answer as JSON */

static uint64_t number_of(const struct nlattr *attr)
{
	switch (nla_len(attr)) {
	case 2:
		return nla_get_u16(attr);
	case 4:
		return nla_get_u32(attr);
	case 8:
		return nla_get_u64(attr);
	default:
		return 0;
	}
}

/* They need not be aligned. */
static json_t *numbers_of(const struct nlattr *attr)
{
	json_t *array = json_array();
	const char *at = nla_data(attr);
	uint64_t number;
	int left;

	for (left = nla_len(attr); left >= (int)sizeof(number); left -= sizeof(number)) {
		memcpy(&number, at, sizeof(number));
		json_array_append_new(array, json_integer(number));
		at += sizeof(number);
	}
	return array;
}

/* What this program is too old to know has its number. */
static json_t *word_of(uint64_t number, const char *const *words)
{
	uint64_t i;

	for (i = 0; words[i]; i++)
		if (i == number)
			return json_string(words[i]);
	return json_integer(number);
}

static json_t *bits_of(uint64_t number, const char *const *words)
{
	json_t *array = json_array();
	int i;

	for (i = 0; words[i]; i++)
		if (number & 1ULL << i)
			json_array_append_new(array, json_string(words[i]));
	return array;
}

static json_t *address_of(const struct nlattr *attr)
{
	int family = nla_len(attr) == 16 ? AF_INET6 : AF_INET;
	char text[INET6_ADDRSTRLEN] = "";

	if (nla_len(attr) == 4 || nla_len(attr) == 16)
		inet_ntop(family, nla_data(attr), text, sizeof(text));
	return json_string(text);
}

static json_t *family_of(uint64_t number)
{
	switch (number) {
	case AF_INET:
		return json_string("inet");
	case AF_INET6:
		return json_string("inet6");
	case AF_UNIX:
		return json_string("unix");
	case AF_VSOCK:
		return json_string("vsock");
	default:
		return json_integer(number);
	}
}

static json_t *protocol_of(uint64_t number)
{
	switch (number) {
	case IPPROTO_TCP:
		return json_string("tcp");
	case IPPROTO_UDP:
		return json_string("udp");
	case 262:
		return json_string("mptcp");
	default:
		return json_integer(number);
	}
}

/* Names of programs may be of any bytes: what JSON cannot have becomes a question mark. */
static json_t *text_of(const struct nlattr *attr)
{
	char text[64], *c;
	json_t *value;

	snprintf(text, sizeof(text), "%.*s", nla_len(attr), (const char *)nla_data(attr));
	value = json_string(text);
	if (value)
		return value;
	for (c = text; *c; c++)
		if (*c & 0x80)
			*c = '?';
	return json_string(text);
}

static json_t *value_of(const struct nlattr *attr, const struct attribute *as)
{
	switch (as->form) {
	case NUMBER:
		return json_integer(number_of(attr));
	case NUMBERS:
		return numbers_of(attr);
	case TEXT:
		return text_of(attr);
	case FLAG:
		return json_true();
	case WORD:
		return word_of(number_of(attr), as->words);
	case BITS:
		return bits_of(number_of(attr), as->words);
	case ADDRESS:
		return address_of(attr);
	case FAMILY:
		return family_of(number_of(attr));
	case PROTOCOL:
		return protocol_of(number_of(attr));
	}
	return json_null();
}

struct asked {
	enum topic topic;
	/* What becomes of each object, which is not the callee's to keep. */
	void (*take)(json_t *object, void *arg);
	void *arg;
	/* A negative errno. */
	int error;
	int is_done;
	char said[256];
};

void add_attributes(json_t *object, enum topic topic, struct nlmsghdr *nl)
{
	const struct attribute *as = topics[topic].attributes;
	struct nlattr *attr;
	int left, type;

	nlmsg_for_each_attr(attr, nl, GENL_HDRLEN, left) {
		type = nla_type(attr);
		if (type < MOST_ATTRIBUTES && as[type].key)
			json_object_set_new(object, as[type].key,
					    value_of(attr, &as[type]));
	}
}

static int take_message(struct nl_msg *msg, void *arg)
{
	struct asked *asked = arg;
	const struct attribute *as = topics[asked->topic].attributes;
	struct nlmsghdr *nl = nlmsg_hdr(msg);
	json_t *object = json_object();
	int type;

	for (type = 0; type < MOST_ATTRIBUTES; type++)
		if (as[type].key && as[type].form == FLAG)
			json_object_set_new(object, as[type].key, json_false());
	add_attributes(object, asked->topic, nl);
	asked->take(object, asked->arg);
	json_decref(object);
	if (!(nl->nlmsg_flags & NLM_F_MULTI))
		asked->is_done = 1;
	return NL_OK;
}

/* ------------------------------------------------------------------------ a question */

static int take_end(struct nl_msg *msg, void *arg)
{
	struct asked *asked = arg;
	struct nlmsghdr *nl = nlmsg_hdr(msg);
	int error = 0;

	if (nlmsg_datalen(nl) >= (int)sizeof(error))
		memcpy(&error, nlmsg_data(nl), sizeof(error));
	asked->error = error;
	asked->is_done = 1;
	return NL_STOP;
}

/* What the kernel says is wrong stands behind the request that it sends back. */
static int take_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct nlmsghdr *nl = (struct nlmsghdr *)((char *)error - NLMSG_HDRLEN);
	struct asked *asked = arg;
	int skip = sizeof(*error);
	struct nlattr *attr;

	(void)from;
	asked->error = error->error;
	asked->is_done = 1;
	if (!(nl->nlmsg_flags & NLM_F_ACK_TLVS))
		return NL_STOP;
	if (!(nl->nlmsg_flags & NLM_F_CAPPED))
		skip += error->msg.nlmsg_len - sizeof(error->msg);
	attr = nlmsg_find_attr(nl, NLMSG_ALIGN(skip), NLMSGERR_ATTR_MSG);
	if (attr)
		snprintf(asked->said, sizeof(asked->said), "%.*s", nla_len(attr),
			 (const char *)nla_data(attr));
	return NL_STOP;
}

static int exchange(struct nl_sock *sock, struct nl_msg *msg, struct asked *asked)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int ret;

	if (!cb)
		return -NLE_NOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, take_message, asked);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, take_end, asked);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, take_end, asked);
	nl_cb_err(cb, NL_CB_CUSTOM, take_error, asked);
	ret = nl_send_auto(sock, msg);
	while (ret >= 0 && !asked->is_done)
		ret = nl_recvmsgs(sock, cb);
	nl_cb_put(cb);
	return asked->error ? 0 : ret;
}

static int is_loaded(void)
{
	FILE *file = fopen("/sys/module/sockiocp/version", "re");

	if (file)
		fclose(file);
	return file != NULL;
}

struct nl_sock *connect_to_family(int *family)
{
	struct nl_sock *sock = nl_socket_alloc();
	int yes = 1, ret;

	if (!sock) {
		fprintf(stderr, "sockiocpctl: no memory\n");
		return NULL;
	}
	ret = genl_connect(sock);
	if (ret >= 0)
		ret = *family = genl_ctrl_resolve(sock, SOCKIOCP_FAMILY_NAME);
	if (ret >= 0) {
		/* Older kernels say less. */
		setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &yes,
			   sizeof(yes));
		/* A socket of its own: no sequence numbers to be watched. */
		nl_socket_disable_seq_check(sock);
		return sock;
	}
	if (ret != -NLE_OBJ_NOTFOUND)
		fprintf(stderr, "sockiocpctl: netlink: %s\n", nl_geterror(ret));
	else if (is_loaded())
		fprintf(stderr, "sockiocpctl: the module is loaded, but is older than this "
				"program: it has no netlink family\n");
	else
		fprintf(stderr, "sockiocpctl: the module is not loaded; as root: "
				"modprobe sockiocp\n");
	nl_socket_free(sock);
	return NULL;
}

static struct nl_msg *question(int family, enum topic topic, uint32_t port)
{
	/* One port is not a dump. */
	int is_dump = topics[topic].is_dump && !(topic == TOPIC_PORTS && port);
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg)
		return NULL;
	genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, is_dump ? NLM_F_DUMP : 0,
		    topics[topic].command, SOCKIOCP_FAMILY_VERSION);
	if (port)
		nla_put_u32(msg, topics[topic].of_port, port);
	return msg;
}

/* Whether all went well; else that was said. */
static int say_outcome(const struct asked *asked, int ret, const char *hint)
{
	if (ret >= 0 && !asked->error)
		return 1;
	fprintf(stderr, "sockiocpctl: %s%s%s%s\n",
		asked->error ? strerror(-asked->error) : nl_geterror(ret),
		asked->said[0] ? ": " : "", asked->said, asked->said[0] ? "" : hint);
	return 0;
}

static int ask_and_take(enum topic topic, uint32_t port,
			void (*take)(json_t *object, void *arg), void *arg)
{
	struct asked asked = { .topic = topic, .take = take, .arg = arg };
	struct nl_sock *sock;
	struct nl_msg *msg;
	int family, ret;

	sock = connect_to_family(&family);
	if (!sock)
		return FAILED;
	msg = question(family, topic, port);
	ret = msg ? exchange(sock, msg, &asked) : -NLE_NOMEM;
	nlmsg_free(msg);
	nl_socket_free(sock);
	return say_outcome(&asked, ret, "") ? 0 : FAILED;
}

int ask_each(enum topic topic, void (*take)(json_t *object, void *arg), void *arg)
{
	return ask_and_take(topic, 0, take, arg);
}

static void keep(json_t *object, void *objects)
{
	json_array_append(objects, object);
}

json_t *ask(enum topic topic, uint32_t port)
{
	json_t *objects = json_array();

	if (!ask_and_take(topic, port, keep, objects))
		return objects;
	json_decref(objects);
	return NULL;
}

const char *const limit_keys[] = { "registrations", "operations", "packets", "offers", NULL };

json_int_t limit_of(const json_t *user, const char *key)
{
	char of_user[64];

	snprintf(of_user, sizeof(of_user), "max-%s", key);
	return json_integer_value(json_object_get(user, of_user));
}

static int attribute_of_limit(const char *key)
{
	int i;

	for (i = 0; i < MOST_ATTRIBUTES; i++)
		if (limits_attributes[i].key && !strcmp(limits_attributes[i].key, key))
			return i;
	return 0;
}

int tell_limits(uint32_t uid, const struct setting *settings, int nr)
{
	struct asked asked = { .topic = TOPIC_LIMITS };
	struct nl_sock *sock;
	struct nl_msg *msg;
	int family, ret, i;

	sock = connect_to_family(&family);
	if (!sock)
		return FAILED;
	msg = nlmsg_alloc();
	ret = msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_ACK,
				 SOCKIOCP_CMD_LIMITS_SET, SOCKIOCP_FAMILY_VERSION) ?
	      0 : -NLE_NOMEM;
	if (!ret && uid != ALL_USERS)
		ret = nla_put_u32(msg, SOCKIOCP_A_LIMITS_UID, uid);
	for (i = 0; !ret && i < nr; i++)
		ret = nla_put_u64(msg, attribute_of_limit(settings[i].key), settings[i].value);
	if (!ret)
		ret = exchange(sock, msg, &asked);
	nlmsg_free(msg);
	nl_socket_free(sock);
	return say_outcome(&asked, ret, ": limits are the machine's administrator's to set "
			   "(CAP_NET_ADMIN and CAP_SYS_RESOURCE)") ? 0 : FAILED;
}
