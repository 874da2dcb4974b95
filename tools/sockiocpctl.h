/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * sockiocpctl: what its files offer to each other.
 */
#ifndef SOCKIOCPCTL_H
#define SOCKIOCPCTL_H

#include <stdint.h>

#include <jansson.h>

/* Exit statuses, beside 0. */
#define FAILED	1
#define WRONG	2

struct options {
	int json;
	int pretty;
	/* stats and top: seconds between two looks, or 0. */
	double interval;
	/* And how many looks, or for monitor events; or 0. */
	long looks;
};

/* ask.c: what the kernel tells, as JSON whose keys are those of the YAML file. */

enum topic {
	TOPIC_PORTS,
	TOPIC_REGISTRATIONS,
	TOPIC_WORKERS,
	TOPIC_USERS,
	TOPIC_LIMITS,
	/* Only told of, in events. */
	TOPIC_REFUSED,
	TOPIC_LATE,
};

/* Says why, and returns NULL, if the kernel does not answer; port 0: all. */
json_t *ask(enum topic topic, uint32_t port);
/*
 * The same of all, as they come: there may be millions.  0, or FAILED if the kernel does not
 * answer, or not to the end.
 */
int ask_each(enum topic topic, void (*take)(json_t *object, void *arg), void *arg);

/* What is limited, by their keys; NULL ends them. */
extern const char *const limit_keys[];
/* How many of that a user may hold. */
json_int_t limit_of(const json_t *user, const char *key);

/* A limit by its key. */
struct setting {
	const char *key;
	uint64_t value;
};

/* Whose limits: those of all users that have none of their own. */
#define ALL_USERS	UINT32_MAX

/* With no limit: a user has none of its own then.  0, or FAILED if the kernel says no, and why. */
int tell_limits(uint32_t uid, const struct setting *settings, int nr);

struct nl_sock;
struct nlmsghdr;

/* The socket, and the number of the family; NULL if it is not there, which is said. */
struct nl_sock *connect_to_family(int *family);
/* What stands in the message becomes part of the object. */
void add_attributes(json_t *object, enum topic topic, struct nlmsghdr *nl);

/* show.c: a table for people, and what programs read. */

struct column {
	const char *key;
	const char *head;
	/* Text stands at the left side, numbers at the right. */
	int is_text;
};

/* Columns with a tab between: @what, and then what each of the keys has. */
void show_line(const json_t *object, const char *what, const char *const *keys);
void show_table(const json_t *objects, const struct column *columns);
void show_json(const json_t *value, int pretty);
void show_name(const char *name);

/* Is this a terminal whose owner wants it? */
int has_colour(void);

/* sockiocpctl.c: what commands share. */

/* Shows @objects and lets go of them; FAILED if they are NULL. */
int show(const struct options *options, json_t *objects, const struct column *columns);
/* Says what is wrong with the command line, and returns WRONG. */
int complain(const char *what, const char *which);

/* The port that the command line names: 1, or 0 if it names none, or -1. */
int parse_port(int argc, char **argv, uint32_t *port);

/* rates.c */
double seconds_now(void);
void pause_for(double seconds);
int stats(const struct options *options, int argc, char **argv);
int top(const struct options *options, int argc, char **argv);

/* histograms.c */
int histograms(const struct options *options, int argc, char **argv);

/* dump.c */
int dump(const struct options *options, int argc, char **argv);

/* explain.c */
int explain(const struct options *options, int argc, char **argv);

/* monitor.c */
int monitor(const struct options *options, int argc, char **argv);

/* doctor.c */
int doctor(const struct options *options, int argc, char **argv);

#endif /* SOCKIOCPCTL_H */
