/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * What the files of the benchmark share.
 *
 * A side is one of the things that are compared, behind the same few functions:
 * sockiocp's ports (port.c, on the Win32 functions), epoll (epoll.c), io_uring
 * (uring.c) and epoll with eventfds (eventfd.c), each through its public interface; and
 * Win32's events beside eventfds and poll (event.c), overlapped calls (overlapped.c) and
 * io_uring's reads and writes (uring_echo.c).
 * A bar is a piece of work that two sides do on the same sockets, in turns, and the
 * ratio that is demanded of what it costs them.
 *
 * From the lowest floor up; calls run downward only:
 *
 *   base.c		the clock, errors, memory
 *   sockets.c		the sockets
 *   programs.c		other programs: servers, and load
 *   port.c, epoll.c, uring.c, eventfd.c, event.c, overlapped.c, uring_echo.c	the sides
 *   measure.c		rounds
 *   registering.c	bars about registrations that come and go
 *   harvesting.c	bars about events that are waited for
 *   waking.c		bars about who makes events
 *   echoing.c		bars about data that comes to who waits for it
 *   running.c		bars about threads
 *   operating.c	bars about operations that pend
 *   web.c		bars about a whole server
 *   scale.c		bars about very many
 *   looking.c		the bar about who looks at them meanwhile
 *   curves.c		the points of the plots
 *   report.c		tables, JSON, gates
 *   main.c		arguments, what the machine must allow
 */
#ifndef SELFTESTS_BENCH_H
#define SELFTESTS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The most events that one harvest of a bar takes. */
#define MAX_EVENTS	256

/* The sockets of the bars about very many. */
#define MILLION		1000000

/*
 * What a side can do.  All of it dies of an error, so that nobody measures how fast
 * something fails.  A function that a side does not have is NULL.
 *
 * @echo_server: the program of selftests/demo that is an echo server on it
 * @web_server: and the one that is a web server
 * @create: makes an empty one, which close(2) closes; returns its descriptor
 * @open: makes one, for these sockets; touches all memory it will need
 * @add: registers all of them for "readable", level-triggered
 * @add_oneshot: the same, for one event
 * @remove: takes all of them out; when it returns they are
 * @harvest: takes up to @max events, without waiting; returns how many
 * @cycle: the same, and takes @k events
 * @event_fd: the socket of number @i of those that were harvested last
 * @arm: arms the sockets of the last @k events again
 * @arm_and_harvest: the same, and takes up to MAX_EVENTS, without waiting; returns how many
 * @cycle_begin: what has to be done before the first cycle of @k
 * @post: makes an event without a socket, as writer number @writer
 * @take: waits for such an event and takes it; returns how many
 * @take_many: the same for all that are there
 * @close_socket: closes a socket as its programs do; close(2) if it is NULL
 * @held: how many registrations the kernel holds
 * @serve: answers one request of each socket; a receive pends on each before and after
 * @look: reads what the kernel tells of each registration; returns of how many
 * @accept: accepts one connection, which is there, and has a receive pend on it
 * @close: closes it, with whatever is registered; the sockets, too, if operations pend on
 *	them
 * @free: the memory of the benchmark itself
 */
struct side {
	const char *name;
	const char *echo_server;
	const char *web_server;
	int (*create)(void);
	void *(*open)(const int *fds, int n);
	void (*add)(void *ctx);
	void (*add_oneshot)(void *ctx);
	void (*remove)(void *ctx);
	int (*harvest)(void *ctx, int max);
	int (*event_fd)(void *ctx, int i);
	void (*arm)(void *ctx, int k);
	int (*arm_and_harvest)(void *ctx, int k);
	void (*cycle_begin)(void *ctx, int k);
	void (*cycle)(void *ctx, int k);
	void (*post)(void *ctx, int writer);
	int (*take)(void *ctx);
	int (*take_many)(void *ctx);
	void (*close_socket)(int fd);
	int (*held)(void *ctx);
	void (*serve)(void *ctx);
	int (*look)(void *ctx);
	void (*accept)(void *ctx);
	void (*close)(void *ctx);
	void (*free)(void *ctx);
};

extern const struct side port_side;
extern const struct side associated_side;
extern const struct side overlapped_side;
extern const struct side overlapped_skip_side;
extern const struct side overlapped_batch_side;
extern const struct side pending_side;
extern const struct side acceptex_side;
extern const struct side accept4_side;
extern const struct side epoll_side;
extern const struct side uring_plain_side;
extern const struct side uring_coop_side;
extern const struct side uring_defer_side;
extern const struct side uring_echo_plain_side;
extern const struct side uring_echo_coop_side;
extern const struct side uring_echo_defer_side;
extern const struct side uring_batch_plain_side;
extern const struct side uring_batch_coop_side;
extern const struct side uring_batch_defer_side;
extern const struct side eventfd_level_side;
extern const struct side eventfd_edge_side;
extern const struct side event_side;
extern const struct side event_manual_side;
extern const struct side eventfd_poll_side;
extern const struct side event_all_side;
extern const struct side eventfd_all_side;
extern const struct side mutex_side;
extern const struct side semaphore_side;
extern const struct side libc_mutex_side;
extern const struct side libc_semaphore_side;

/* A side, and with how many sockets (or what else the bar counts). */
struct entrant {
	const struct side *side;
	int n;
};

enum unit {
	/* Of time: instructions if that is what the clock counts, else ns. */
	UNIT_TIME,
	UNIT_BYTES,
	UNIT_PER_SECOND,
	UNIT_COUNT,
};

enum { MAX_PEERS = 4 };

/**
 * struct bar - a piece of work, and what is demanded of it
 * @id: its name; the part before '-' selects all that have it
 * @group: what it is run with: what vm/bench boots a guest for
 * @work: in words
 * @round: does the work once and returns what it cost, per whatever it counts
 * @ours: we
 * @peers: those we are compared with; the cheapest of them counts
 * @gate: the ratio ours / theirs that must not be exceeded; 0 if none
 * @goal: the one that is aimed at
 * @unit: of what @round returns
 * @larger_is_better: of what @round returns; the ratio must not be lower then
 * @sockets: how many of sockets() it needs
 * @fds: how many descriptors it needs beside those
 * @missing: returns what has to be there and is not, or NULL
 * @anywhere: it has more than one thread, which run where they like
 */
struct bar {
	const char *id;
	const char *group;
	const char *work;
	double (*round)(const struct side *side, int n);
	struct entrant ours;
	struct entrant peers[MAX_PEERS];
	double gate;
	double goal;
	enum unit unit;
	bool larger_is_better;
	int sockets;
	int fds;
	const char *(*missing)(void);
	bool anywhere;
};

/* Who takes part in a bar: both sides do the same, on sockets() or not. */
#define PAIR(count)	.ours = { &port_side, count },			\
			.peers = { { &epoll_side, count } }
#define BOTH(count)	PAIR(count), .sockets = count
#define UNSHARED(count)	PAIR(count), .fds = count
#define THREADED(count)	PAIR(count), .anywhere = true
/* To be compared with somebody else. */
#define OURS(count)	.ours = { &port_side, count }, .sockets = count

/* Ended by one without an id. */
extern const struct bar registering_bars[];
extern const struct bar harvesting_bars[];
extern const struct bar waking_bars[];
extern const struct bar echoing_bars[];
extern const struct bar operating_bars[];
extern const struct bar running_bars[];
extern const struct bar web_bars[];
extern const struct bar scale_bars[];
extern const struct bar looking_bars[];
extern const struct bar curve_bars[];

/* registering.c */
double register_all(const struct side *side, int n);
double remove_all(const struct side *side, int n);
double close_with_all(const struct side *side, int n);
double memory_of_added(const struct side *side, void *ctx, int n);
double memory_of_all(const struct side *side, int n);
double slab_bytes(void);

/* harvesting.c */
double oneshot_cycle(const struct side *side, int k);
double harvest_all(const struct side *side, int k);

/* running.c */
double echo_rate(const struct side *side, int threads);

/* base.c */
/* The clock counts instructions: little time tells as much as more, then. */
void clock_set_counting(void);
bool clock_counts(void);
uint64_t now(void);
void settle(void);
void die(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
/* Dies with the text of errno. */
void need(bool holds, const char *what);
void *zalloc(uint64_t size);

/*
 * Several bars that look at the same work: each has one of the @value that @make
 * fills in.  The first of them to come to its n-th round has it done, for a side.
 */
enum {
	SHARED_ROUNDS = 64,
	SHARED_VALUES = 8,
};

struct shared {
	void (*make)(const struct side *side, int n, double *value);
	double value[2][SHARED_ROUNDS][SHARED_VALUES];
	int made[2];
	int seen[2][SHARED_VALUES];
};

/* measure.c */
double shared_value(struct shared *shared, const struct side *side, int n,
		    int which);
struct json_t;
struct json_t *measure(const struct bar *bar, int rounds);

/* programs.c */
bool have_program(const char *name);
pid_t start_server(char *const *args);
void stop_server(pid_t pid);
void run_program(char *const *args, char *text, size_t size);
const char *next_tcp_port(void);

/* sockets.c */
#define REQUEST		64
struct sockaddr_in;
const int *sockets(int n);
enum kind { KIND_UDP, KIND_TCP, KIND_UNIX };
/* What is sent on others[i] comes to fds[i]; with UDP they are the same socket. */
struct ends {
	int n;
	int *fds;
	int *others;
};
struct ends *ends_open(enum kind kind, int n);
void ends_close(struct ends *ends, bool are_closed);
void ends_fill(const struct ends *ends);
void ends_drain(const struct ends *ends);
int socket_listen(struct sockaddr_in *addr);
int socket_connect(const struct sockaddr_in *addr);
int sockets_open(void);
void sockets_fill(int n);
void sockets_drain(int n);
void socket_send(int fd);
void socket_recv(int fd);
/* What was sent, which softirqd may have still. */
void socket_recv_all(int fd, void *data, size_t size);

/* report.c */
struct json_t *report_new(void);
void report_add(struct json_t *report, struct json_t *result);
void report_progress(const struct json_t *report, const struct json_t *result);
void report_write(const struct json_t *report, const char *path);
struct json_t *report_merge(char *const *paths);
void report_print(const struct json_t *report);
void report_points(const struct json_t *report, const char *curve);
bool report_check(const struct json_t *report, const char *gates);

#endif /* SELFTESTS_BENCH_H */
