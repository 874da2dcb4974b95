// SPDX-License-Identifier: GPL-2.0
/*
 * Load for an echo server, from one thread: on each connection one request at a
 * time, the next one as soon as the answer is there.  Says what that came to, and
 * what the server's threads did meanwhile, as its /proc tells:
 *
 *   requests per second, its context switches per request, its CPU time per
 *   request in microseconds
 *
 * Usage: echo_load PORT CONNECTIONS MILLISECONDS PROCESS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH		64
#define WARM_UP_MS	300

static const char request[64] = "a request";

/* What the threads of a process have done so far. */
struct usage {
	long long switches;
	/* Of CPU time: schedstat's first number. */
	long long ns;
};

static void fail(const char *what)
{
	fprintf(stderr, "echo_load: ");
	perror(what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void add_thread(struct usage *usage, const char *pid, const char *tid)
{
	char path[512], line[256];
	long long value;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/task/%s/status", pid, tid);
	file = fopen(path, "re");
	if (!file)
		fail(path);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "voluntary_ctxt_switches: %lld", &value) == 1 ||
		    sscanf(line, "nonvoluntary_ctxt_switches: %lld", &value) == 1)
			usage->switches += value;
	}
	fclose(file);

	snprintf(path, sizeof(path), "/proc/%s/task/%s/schedstat", pid, tid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fscanf(file, "%lld", &value) == 1)
		usage->ns += value;
	fclose(file);
}

static struct usage usage_of(const char *pid)
{
	struct usage usage = { 0 };
	struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	dir = opendir(path);
	if (!dir)
		fail(path);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			add_thread(&usage, pid, entry->d_name);
	}
	closedir(dir);
	return usage;
}

/* The server may still be about to listen. */
static int connect_to(int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int tries, fd, on = 1;

	for (tries = 0; tries < 100; tries++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0)
			fail("socket");
		if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
			return fd;
		}
		close(fd);
		usleep(20000);
	}
	fail("connect");
	return -1;
}

static void ask(int fd)
{
	if (send(fd, request, sizeof(request), MSG_NOSIGNAL) != sizeof(request))
		fail("send");
}

/* How many requests are answered within the time. */
static long long load(int epfd, int64_t ns)
{
	struct epoll_event event[BATCH];
	int64_t end = now_ns() + ns;
	long long answers = 0;
	char data[sizeof(request)];
	int i, n;

	while (now_ns() < end) {
		n = epoll_wait(epfd, event, BATCH, 2000);
		if (n <= 0)
			fail(n ? "epoll_wait" : "no answer");
		for (i = 0; i < n; i++) {
			/* So short an answer comes in one piece. */
			if (recv(event[i].data.fd, data, sizeof(data), 0) !=
			    sizeof(data))
				fail("recv");
			ask(event[i].data.fd);
		}
		answers += n;
	}
	return answers;
}

int main(int argc, char **argv)
{
	struct usage before, after;
	long long answers;
	int epfd, i, fd;
	int64_t start;
	double took;

	if (argc != 5) {
		fprintf(stderr,
			"Usage: echo_load PORT CONNECTIONS MILLISECONDS PROCESS\n");
		return 2;
	}
	epfd = epoll_create1(0);
	if (epfd < 0)
		fail("epoll_create1");
	for (i = 0; i < atoi(argv[2]); i++) {
		struct epoll_event event = { .events = EPOLLIN };

		event.data.fd = fd = connect_to(atoi(argv[1]));
		if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event))
			fail("epoll_ctl");
		ask(fd);
	}
	load(epfd, WARM_UP_MS * 1000000LL);
	before = usage_of(argv[4]);
	start = now_ns();
	answers = load(epfd, atoll(argv[3]) * 1000000LL);
	took = (now_ns() - start) / 1e9;
	after = usage_of(argv[4]);
	printf("%.0f %.3f %.1f\n", answers / took,
	       (double)(after.switches - before.switches) / answers,
	       (after.ns - before.ns) / 1e3 / answers);
	return 0;
}
