// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Functions that are called for Ctrl+C and its relatives, which are signals here.
 *
 * As on Windows they are called in a thread of their own.  The signal's handler only counts
 * it and posts a semaphore; one thread waits for that, and starts a thread for each event,
 * so that a second Ctrl+C comes while the first one is still being handled.
 *
 * Signals that were ignored from the beginning (nohup, a shell's "&") stay so.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base.h"

static const struct {
	int signal;
	DWORD event;
} sources[] = {
	{ SIGINT, CTRL_C_EVENT },
	{ SIGQUIT, CTRL_BREAK_EVENT },
	{ SIGHUP, CTRL_CLOSE_EVENT },
	{ SIGTERM, CTRL_CLOSE_EVENT },
};

#define SOURCES		ARRAY_LEN(sources)

/* Protected by the lock: the functions, the last one that was added at the end. */
static PHANDLER_ROUTINE *handlers;
static size_t nr_handlers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The same: what the signals did before, and whether Ctrl+C is to be ignored. */
static struct sigaction before[SOURCES];
static bool installed, ignores_ctrl_c;

/* What has come and was not looked at yet. */
static atomic_uint arrived[SOURCES];
static sem_t something;

static void note(int signal)
{
	int err = errno;
	size_t i;

	for (i = 0; i < SOURCES; i++)
		if (sources[i].signal == signal)
			atomic_fetch_add(&arrived[i], 1);
	sem_post(&something);
	errno = err;
}

/* The process ends of it, as if nobody had asked for the signal. */
static void end_process(int number)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t set;

	sigaction(number, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	kill(getpid(), number);
	/* Before kill() returns, unless another thread was chosen. */
	for (;;)
		pause();
}

/* Returns a copy of the functions, for they may change the list. */
static PHANDLER_ROUTINE *copy_handlers(size_t *count)
{
	PHANDLER_ROUTINE *copy;

	pthread_mutex_lock(&lock);
	*count = nr_handlers;
	copy = malloc((nr_handlers + 1) * sizeof(*copy));
	if (copy && nr_handlers)
		memcpy(copy, handlers, nr_handlers * sizeof(*copy));
	pthread_mutex_unlock(&lock);
	return copy;
}

/* A thread of its own. */
static void *handle_event(void *argument)
{
	size_t source = (size_t)(uintptr_t)argument, count;
	PHANDLER_ROUTINE *copy = copy_handlers(&count);
	bool handled = false;

	while (copy && count && !handled)
		handled = copy[--count](sources[source].event);
	free(copy);
	/* Who closes the console wants the process to end, whoever has handled that. */
	if (!handled || sources[source].event == CTRL_CLOSE_EVENT)
		end_process(sources[source].signal);
	return NULL;
}

static void start_handling(size_t source)
{
	void *argument = (void *)(uintptr_t)source;
	pthread_t thread;

	if (pthread_create(&thread, NULL, handle_event, argument))
		handle_event(argument);
	else
		pthread_detach(thread);
}

/* Signals come to this thread if all others block them. */
static void *wait_for_signals(void *argument)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < SOURCES; i++)
		sigaddset(&set, sources[i].signal);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	for (;;) {
		while (sem_wait(&something))
			;
		for (i = 0; i < SOURCES; i++)
			while (atomic_load(&arrived[i])) {
				atomic_fetch_sub(&arrived[i], 1);
				start_handling(i);
			}
	}
	return argument;
}

/* A new process has not got the thread: signals do there what they did before. */
static void forget_in_child(void)
{
	size_t i;

	pthread_mutex_init(&lock, NULL);
	for (i = 0; i < SOURCES && installed; i++)
		if (sources[i].signal != SIGINT || !ignores_ctrl_c)
			sigaction(sources[i].signal, &before[i], NULL);
	installed = false;
	nr_handlers = 0;
}

static void register_fork_handler(void)
{
	pthread_atfork(NULL, NULL, forget_in_child);
}

/* Needs the lock, as what follows.  Returns an errno value. */
static int install(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_t thread;
	size_t i;
	int err;

	if (installed)
		return 0;
	pthread_once(&once, register_fork_handler);
	sem_init(&something, 0, 0);
	for (i = 0; i < SOURCES; i++) {
		atomic_store(&arrived[i], 0);
		sigaction(sources[i].signal, NULL, &before[i]);
	}
	err = pthread_create(&thread, NULL, wait_for_signals, NULL);
	if (err)
		return err;
	pthread_detach(thread);
	if (before[0].sa_handler == SIG_IGN) {
		ignores_ctrl_c = true;
		before[0].sa_handler = SIG_DFL;
	}
	installed = true;
	return 0;
}

static void set_dispositions(void)
{
	struct sigaction ours = { .sa_handler = note, .sa_flags = SA_RESTART };
	struct sigaction ignored = { .sa_handler = SIG_IGN };
	size_t i;

	for (i = 0; i < SOURCES; i++) {
		bool ctrl_c = sources[i].signal == SIGINT;
		const struct sigaction *action = nr_handlers ? &ours : &before[i];

		if (ctrl_c ? ignores_ctrl_c : before[i].sa_handler == SIG_IGN)
			action = &ignored;
		sigaction(sources[i].signal, action, NULL);
	}
}

static int add(PHANDLER_ROUTINE handler)
{
	PHANDLER_ROUTINE *larger = realloc(handlers, (nr_handlers + 1) * sizeof(*handlers));

	if (!larger)
		return ENOMEM;
	handlers = larger;
	handlers[nr_handlers++] = handler;
	return 0;
}

static int drop(PHANDLER_ROUTINE handler)
{
	size_t i = nr_handlers;

	while (i && handlers[i - 1] != handler)
		i--;
	if (!i)
		return EINVAL;
	memmove(&handlers[i - 1], &handlers[i], (nr_handlers - i) * sizeof(*handlers));
	nr_handlers--;
	return 0;
}

/**
 * SetConsoleCtrlHandler - have a function called for Ctrl+C and its relatives
 * @HandlerRoutine: the function, or NULL for Ctrl+C to be ignored, also by programs that
 *	are started later
 * @Add: whether it is added, or taken away
 *
 * It is called in a thread of its own with CTRL_C_EVENT for SIGINT, CTRL_BREAK_EVENT for
 * SIGQUIT (Ctrl+\) and CTRL_CLOSE_EVENT for SIGHUP and SIGTERM.  If it returns FALSE the one
 * that was added before is called; if none is left the process ends of the signal.  After
 * CTRL_CLOSE_EVENT it does so also if a function has returned TRUE: who has to clean up
 * returns when that is done.  Nothing hurries it, unlike on Windows.
 *
 * Signals that the program ignored when it first called this, other than SIGINT, stay
 * ignored.  A forked process begins without such functions.
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	to be taken away, but never added
 *   ERROR_NOT_ENOUGH_MEMORY, ERROR_NO_SYSTEM_RESOURCES
 *				no memory, or no thread
 *
 * Windows: "SetConsoleCtrlHandler function".
 */
BOOL WINAPI SetConsoleCtrlHandler(PHANDLER_ROUTINE HandlerRoutine, BOOL Add)
{
	int err;

	pthread_mutex_lock(&lock);
	err = install();
	if (!err && !HandlerRoutine)
		ignores_ctrl_c = Add;
	else if (!err)
		err = Add ? add(HandlerRoutine) : drop(HandlerRoutine);
	if (!err)
		set_dispositions();
	pthread_mutex_unlock(&lock);
	return err ? sockiocp_fail(err) : TRUE;
}

/**
 * GenerateConsoleCtrlEvent - send Ctrl+C or Ctrl+Break
 * @dwCtrlEvent: CTRL_C_EVENT, which is SIGINT, or CTRL_BREAK_EVENT, which is SIGQUIT
 * @dwProcessGroupId: a process group, or 0 for the one of this process
 *
 * Return: nonzero; FALSE if it fails, and GetLastError() says why:
 *   ERROR_INVALID_PARAMETER	another event, or no such group
 *   ERROR_ACCESS_DENIED	the group is another user's
 *
 * Windows: "GenerateConsoleCtrlEvent function".
 */
BOOL WINAPI GenerateConsoleCtrlEvent(DWORD dwCtrlEvent, DWORD dwProcessGroupId)
{
	int signal = dwCtrlEvent == CTRL_C_EVENT ? SIGINT : SIGQUIT;

	/* To kill(2) -1 is not the group of init, but everybody. */
	if (dwCtrlEvent > CTRL_BREAK_EVENT || dwProcessGroupId > INT_MAX || dwProcessGroupId == 1)
		return sockiocp_fail(EINVAL);
	if (kill(-(pid_t)dwProcessGroupId, signal))
		return sockiocp_fail(errno == ESRCH ? EINVAL : errno);
	return TRUE;
}
