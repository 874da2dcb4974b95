/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * sockiocpctl: what its files offer to each other.
 */
#ifndef SOCKIOCPCTL_H
#define SOCKIOCPCTL_H

#include <stdint.h>

#include <jansson.h>

/* ask.c: what the kernel tells, as JSON whose keys are those of the YAML file. */

enum topic {
	TOPIC_PORTS,
	TOPIC_REGISTRATIONS,
	TOPIC_WORKERS,
	TOPIC_USERS,
	TOPIC_LIMITS,
};

/* Says why, and returns NULL, if the kernel does not answer; port 0: all. */
json_t *ask(enum topic topic, uint32_t port);

/* show.c: a table for people. */

struct column {
	const char *key;
	const char *head;
	/* Text stands at the left side, numbers at the right. */
	int is_text;
};

void show_table(const json_t *objects, const struct column *columns);
void show_json(const json_t *value, int pretty);

#endif /* SOCKIOCPCTL_H */
