// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * sockiocpctl dump: all there is, a line for each, for scripts.
 *
 * sockiocpctl(8) lists the columns.  They keep their places: what is new stands at the end.
 */
#include <string.h>

#include "sockiocpctl.h"

static const char *const port_keys[] = {
	"id", "uid", "pid", "comm", "closed", "registrations", "armed", "queued", "disabled",
	"endpoints", "operations", "packets", "delivered", "waiters", "workers", "active",
	"concurrency", NULL,
};

static const char *const registration_keys[] = {
	"port", "inode", "state", "filter", "trigger", "closed", "family", "type", "protocol",
	"local-address", "local-port", "remote-address", "remote-port", NULL,
};

static const char *const worker_keys[] = { "port", "pid", "tid", "state", "comm", NULL };

static const char *const user_keys[] = {
	"uid", "registrations", "endpoints", "operations", "packets", "offers", "refusals",
	"max-registrations", "max-operations", "max-packets", "max-offers", NULL,
};

struct part {
	const char *name;
	/* The first column. */
	const char *what;
	enum topic topic;
	const char *const *keys;
};

static const struct part parts[] = {
	{ "ports", "port", TOPIC_PORTS, port_keys },
	{ "registrations", "registration", TOPIC_REGISTRATIONS, registration_keys },
	{ "workers", "worker", TOPIC_WORKERS, worker_keys },
	{ "users", "user", TOPIC_USERS, user_keys },
	{ "limits", "limits", TOPIC_LIMITS, limit_keys },
};

#define PARTS	(sizeof(parts) / sizeof(*parts))

static void show_object(json_t *object, void *arg)
{
	const struct part *part = arg;

	show_line(object, part->what, part->keys);
}

int dump(const struct options *options, int argc, char **argv)
{
	int found = 0;
	size_t i;

	if (argc > 1)
		return complain("one thing is enough to dump, or all", argv[1]);
	if (options->json)
		return complain("dump is for scripts; for JSON ask for ports, workers ...", NULL);
	for (i = 0; i < PARTS; i++) {
		if (argc && strcmp(argv[0], parts[i].name))
			continue;
		found = 1;
		if (ask_each(parts[i].topic, show_object, (void *)&parts[i]))
			return FAILED;
	}
	return found ? 0 : complain("nothing has this name", argv[0]);
}
