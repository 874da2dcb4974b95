// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * sockiocpctl: what completion ports there are on this machine, and how they are.
 *
 * Exit status: 0; 1 if the kernel did not answer, or refused; 2 for a wrong command line.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/sockiocp.h>

#include "sockiocpctl.h"

struct command {
	const char *name;
	const char *arguments;
	const char *what;
	int (*run)(const struct options *options, int argc, char **argv);
};

static int ports(const struct options *options, int argc, char **argv);
static int registrations(const struct options *options, int argc, char **argv);
static int workers(const struct options *options, int argc, char **argv);
static int users(const struct options *options, int argc, char **argv);
static int limits(const struct options *options, int argc, char **argv);

static const struct command commands[] = {
	{ "ports", "[PORT]", "what ports hold, and who waits for them (the default)", ports },
	{ "registrations", "[PORT]", "the sockets that are registered", registrations },
	{ "workers", "[PORT]", "the threads that are associated, and what they do", workers },
	{ "users", "", "what users hold", users },
	{ "stats", "", "how many packets were delivered; -w: per second", stats },
	{ "top", "", "the same, the busiest ports first, again and again; q quits", top },
	{ "histograms", "[PORT]", "how many packets calls bring, and how long these were queued",
	  histograms },
	{ "dump", "[WHAT]", "all of these, or one, in columns for scripts", dump },
	{ "explain", "PORT", "why does this port not make progress?", explain },
	{ "monitor", "", "ports that come and go, users who are refused more, as it happens",
	  monitor },
	{ "limits", "[set [uid=UID] NAME=N... | reset uid=UID]", "what a user may hold", limits },
	{ "doctor", "", "can programs use ports here, and if not, what to do?", doctor },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static void usage(FILE *to)
{
	size_t i;

	fprintf(to, "Usage: sockiocpctl [OPTIONS] [COMMAND]\n\n");
	for (i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-14s%-18s%s\n", commands[i].name, commands[i].arguments,
			commands[i].what);
	fprintf(to, "\n"
		"  -j, --json          JSON, on one line\n"
		"  -p, --pretty        JSON, on many\n"
		"  -w, --watch SECONDS stats: again and again, each line per second; top: how often\n"
		"  -n, --count N       stats -w, top: so many times; monitor: so many events\n"
		"  -V, --version\n"
		"  -h, --help\n");
}

int complain(const char *what, const char *which)
{
	fprintf(stderr, "sockiocpctl: %s%s%s\nTry: sockiocpctl --help\n", what,
		which ? ": " : "", which ? which : "");
	return WRONG;
}

int show(const struct options *options, json_t *objects, const struct column *columns)
{
	if (!objects)
		return FAILED;
	if (options->json)
		show_json(objects, options->pretty);
	else
		show_table(objects, columns);
	json_decref(objects);
	return 0;
}

int parse_port(int argc, char **argv, uint32_t *port)
{
	unsigned long value;
	char *end;

	*port = 0;
	if (argc > 1) {
		complain("one port is enough", argv[1]);
		return -1;
	}
	if (!argc)
		return 0;
	errno = 0;
	value = strtoul(argv[0], &end, 10);
	if (errno || *end || end == argv[0] || !value || value > INT32_MAX ||
	    argv[0][0] == '-') {
		complain("not the number of a port", argv[0]);
		return -1;
	}
	*port = value;
	return 1;
}

static int show_of_port(const struct options *options, int argc, char **argv,
			enum topic topic, const struct column *columns)
{
	uint32_t port;

	if (parse_port(argc, argv, &port) < 0)
		return WRONG;
	return show(options, ask(topic, port), columns);
}

static int ports(const struct options *options, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "id", "PORT", 0 },
		{ "uid", "UID", 0 },
		{ "pid", "PID", 0 },
		{ "registrations", "REGS", 0 },
		{ "armed", "ARMED", 0 },
		{ "queued", "QUEUED", 0 },
		{ "disabled", "DISABLED", 0 },
		{ "endpoints", "ENDPOINTS", 0 },
		{ "operations", "OPS", 0 },
		{ "packets", "PACKETS", 0 },
		{ "delivered", "DELIVERED", 0 },
		{ "waiters", "WAIT", 0 },
		{ "active", "RUN", 0 },
		{ "concurrency", "MAY", 0 },
		{ "workers", "WORKERS", 0 },
		{ "comm", "COMMAND", 1 },
		{ NULL, NULL, 0 },
	};

	return show_of_port(options, argc, argv, TOPIC_PORTS, columns);
}

/* Address and port as one, for people. */
static void join_address(json_t *object, const char *address, const char *port, const char *as)
{
	const char *text = json_string_value(json_object_get(object, address));
	char joined[64];

	if (!text)
		return;
	snprintf(joined, sizeof(joined), strchr(text, ':') ? "[%s]:%d" : "%s:%d", text,
		 (int)json_integer_value(json_object_get(object, port)));
	json_object_set_new(object, as, json_string(joined));
}

static int registrations(const struct options *options, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "port", "PORT", 0 },
		{ "inode", "INODE", 0 },
		{ "state", "STATE", 1 },
		{ "filter", "FILTER", 1 },
		{ "trigger", "TRIGGER", 1 },
		{ "family", "FAMILY", 1 },
		{ "protocol", "PROTOCOL", 1 },
		{ "local", "LOCAL", 1 },
		{ "remote", "REMOTE", 1 },
		{ NULL, NULL, 0 },
	};
	json_t *objects, *object;
	uint32_t port;
	size_t i;

	if (parse_port(argc, argv, &port) < 0)
		return WRONG;
	objects = ask(TOPIC_REGISTRATIONS, port);
	if (objects && !options->json)
		json_array_foreach(objects, i, object) {
			join_address(object, "local-address", "local-port", "local");
			join_address(object, "remote-address", "remote-port", "remote");
		}
	return show(options, objects, columns);
}

static int workers(const struct options *options, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "port", "PORT", 0 },
		{ "pid", "PID", 0 },
		{ "tid", "TID", 0 },
		{ "state", "STATE", 1 },
		{ "comm", "COMMAND", 1 },
		{ NULL, NULL, 0 },
	};

	return show_of_port(options, argc, argv, TOPIC_WORKERS, columns);
}

static int users(const struct options *options, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "uid", "UID", 0 },
		{ "registrations", "REGISTRATIONS", 0 },
		{ "endpoints", "ENDPOINTS", 0 },
		{ "operations", "OPERATIONS", 0 },
		{ "packets", "PACKETS", 0 },
		{ "offers", "OFFERS", 0 },
		{ "refusals", "REFUSALS", 0 },
		{ "max-registrations", "MAX-REG", 0 },
		{ "max-operations", "MAX-OPS", 0 },
		{ "max-packets", "MAX-PACKETS", 0 },
		{ "max-offers", "MAX-OFFERS", 0 },
		{ NULL, NULL, 0 },
	};

	if (argc)
		return complain("users has no arguments", argv[0]);
	return show(options, ask(TOPIC_USERS, 0), columns);
}

/* ------------------------------------------------------------------------- limits */

static int parse_number(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return !errno && !*end && *text >= '0' && *text <= '9';
}

/* uid=UID, if that comes first, which is as many arguments as are used up; or -1. */
static int parse_uid(int argc, char **argv, uint32_t *uid)
{
	uint64_t value;

	*uid = ALL_USERS;
	if (!argc || strncmp(argv[0], "uid=", 4))
		return 0;
	if (!parse_number(argv[0] + 4, &value) || value >= ALL_USERS) {
		complain("not the number of a user", argv[0] + 4);
		return -1;
	}
	*uid = value;
	return 1;
}

/* All that are named, by one request: if one of them is wrong none is set. */
static int set_limits(uint32_t uid, int argc, char **argv)
{
	struct setting settings[8] = { { NULL, 0 } };
	const char *const *key;
	int i, nr = 0;
	char *value;

	if (!argc)
		return complain("set which limit?", NULL);
	for (i = 0; i < argc; i++) {
		value = strchr(argv[i], '=');
		if (!value)
			return complain("not NAME=VALUE", argv[i]);
		*value++ = 0;
		for (key = limit_keys; *key && strcmp(*key, argv[i]); key++)
			;
		if (!*key)
			return complain("no limit has this name", argv[i]);
		if (nr == sizeof(settings) / sizeof(*settings))
			return complain("so many limits there are not", NULL);
		settings[nr].key = argv[i];
		if (!parse_number(value, &settings[nr++].value))
			return complain("not a limit", value);
	}
	return tell_limits(uid, settings, nr);
}

static int limits(const struct options *options, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "registrations", "REGISTRATIONS", 0 },
		{ "operations", "OPERATIONS", 0 },
		{ "packets", "PACKETS", 0 },
		{ "offers", "OFFERS", 0 },
		{ NULL, NULL, 0 },
	};
	uint32_t uid;
	int used;

	if (!argc)
		return show(options, ask(TOPIC_LIMITS, 0), columns);
	used = parse_uid(argc - 1, argv + 1, &uid);
	if (used < 0)
		return WRONG;
	if (!strcmp(argv[0], "set"))
		return set_limits(uid, argc - 1 - used, argv + 1 + used);
	if (!strcmp(argv[0], "reset") && used && argc == 2)
		return tell_limits(uid, NULL, 0);
	return complain("limits, limits set [uid=UID] NAME=VALUE..., or: limits reset uid=UID", NULL);
}

/* -------------------------------------------------------------- the command line */

static int run_command(const struct options *options, int argc, char **argv)
{
	const char *name = argc ? argv[0] : "ports";
	const struct command *command = NULL;
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			command = &commands[i];
	if (!command)
		return complain("no such command", name);
	if (command->run != stats && command->run != top &&
	    (options->interval || (options->looks && command->run != monitor)))
		return complain("-w is for stats and top, -n for these and monitor", NULL);
	if (command->run == stats && options->looks && !options->interval)
		return complain("-n goes with -w", NULL);
	return command->run(options, argc ? argc - 1 : 0, argc ? argv + 1 : argv);
}

static int parse_watch(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	return !*end && end != text && *seconds >= 0.01 && *seconds <= 1e6;
}

static int parse_count(const char *text, long *count)
{
	char *end;

	*count = strtol(text, &end, 10);
	return !*end && end != text && *count > 0;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "pretty", no_argument, NULL, 'p' },
		{ "watch", required_argument, NULL, 'w' },
		{ "count", required_argument, NULL, 'n' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct options options = { 0 };
	int option, ret;

	while ((option = getopt_long(argc, argv, "jpw:n:Vh", names, NULL)) != -1) {
		switch (option) {
		case 'p':
			options.pretty = 1;
			/* fallthrough */
		case 'j':
			options.json = 1;
			break;
		case 'w':
			if (!parse_watch(optarg, &options.interval))
				return complain("not a time in seconds", optarg);
			break;
		case 'n':
			if (!parse_count(optarg, &options.looks))
				return complain("not a count", optarg);
			break;
		case 'V':
			printf("sockiocpctl %s\n", SOCKIOCP_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			return complain("see above", NULL);
		}
	}
	ret = run_command(&options, argc - optind, argv + optind);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "sockiocpctl: standard output: %s\n", strerror(errno));
		return FAILED;
	}
	return ret;
}
