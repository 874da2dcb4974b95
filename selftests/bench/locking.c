// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Win32's mutexes and semaphores, and those of libc.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <windows.h>

#include "bench.h"

struct locks {
	int count;
	HANDLE handle[MAXIMUM_WAIT_OBJECTS];
	pthread_mutex_t mutex;
	sem_t semaphore[MAXIMUM_WAIT_OBJECTS];
};

static void *open_mutex(const int *fds, int n)
{
	struct locks *ctx = zalloc(sizeof(*ctx));

	(void)fds;
	ctx->count = n;
	ctx->handle[0] = CreateMutexA(NULL, FALSE, NULL);
	if (!ctx->handle[0])
		die("CreateMutex: error %u", (unsigned int)GetLastError());
	return ctx;
}

static void *open_semaphores(const int *fds, int n)
{
	struct locks *ctx = zalloc(sizeof(*ctx));
	int i;

	(void)fds;
	ctx->count = n;
	for (i = 0; i < n; i++) {
		ctx->handle[i] = CreateSemaphoreA(NULL, 0, 1, NULL);
		if (!ctx->handle[i])
			die("CreateSemaphore: error %u", (unsigned int)GetLastError());
	}
	return ctx;
}

static void mutex_lock(void *arg, int writer)
{
	struct locks *ctx = arg;

	(void)writer;
	if (WaitForSingleObject(ctx->handle[0], INFINITE) != WAIT_OBJECT_0)
		die("WaitForSingleObject: error %u", (unsigned int)GetLastError());
}

static int mutex_unlock(void *arg)
{
	struct locks *ctx = arg;

	return ReleaseMutex(ctx->handle[0]);
}

static void semaphore_post(void *arg, int writer)
{
	struct locks *ctx = arg;

	if (!ReleaseSemaphore(ctx->handle[writer], 1, NULL))
		die("ReleaseSemaphore: error %u", (unsigned int)GetLastError());
}

static int semaphores_take(void *arg)
{
	struct locks *ctx = arg;

	return WaitForMultipleObjects(ctx->count, ctx->handle, TRUE, INFINITE) == WAIT_OBJECT_0;
}

static void handles_close(void *arg)
{
	struct locks *ctx = arg;
	int i;

	for (i = 0; i < ctx->count; i++)
		CloseHandle(ctx->handle[i]);
}

/* Like a mutex of Win32 it may be taken again, and knows whose it is. */
static void *open_libc_mutex(const int *fds, int n)
{
	struct locks *ctx = zalloc(sizeof(*ctx));
	pthread_mutexattr_t attr;

	(void)fds;
	(void)n;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&ctx->mutex, &attr);
	return ctx;
}

static void libc_lock(void *arg, int writer)
{
	struct locks *ctx = arg;

	(void)writer;
	pthread_mutex_lock(&ctx->mutex);
}

static int libc_unlock(void *arg)
{
	struct locks *ctx = arg;

	return !pthread_mutex_unlock(&ctx->mutex);
}

static void libc_close(void *arg)
{
	(void)arg;
}

static void *open_libc_semaphores(const int *fds, int n)
{
	struct locks *ctx = zalloc(sizeof(*ctx));
	int i;

	(void)fds;
	ctx->count = n;
	for (i = 0; i < n; i++)
		sem_init(&ctx->semaphore[i], 0, 0);
	return ctx;
}

static void libc_post(void *arg, int writer)
{
	struct locks *ctx = arg;

	sem_post(&ctx->semaphore[writer]);
}

static int libc_take(void *arg)
{
	struct locks *ctx = arg;
	int i;

	for (i = 0; i < ctx->count; i++)
		sem_wait(&ctx->semaphore[i]);
	return 1;
}

const struct side mutex_side = {
	.name = "mutex",
	.open = open_mutex,
	.post = mutex_lock,
	.take = mutex_unlock,
	.close = handles_close,
	.free = free,
};

const struct side semaphore_side = {
	.name = "semaphores",
	.open = open_semaphores,
	.post = semaphore_post,
	.take_many = semaphores_take,
	.close = handles_close,
	.free = free,
};

const struct side libc_mutex_side = {
	.name = "pthread_mutex_t",
	.open = open_libc_mutex,
	.post = libc_lock,
	.take = libc_unlock,
	.close = libc_close,
	.free = free,
};

const struct side libc_semaphore_side = {
	.name = "sem_t, one by one",
	.open = open_libc_semaphores,
	.post = libc_post,
	.take_many = libc_take,
	.close = libc_close,
	.free = free,
};
