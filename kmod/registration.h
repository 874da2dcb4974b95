/* SPDX-License-Identifier: GPL-2.0-only */
/* SPDX-FileCopyrightText: The sockiocp authors */
/*
 * The memory of many registrations that are made, or end, in one call: together it costs
 * less than one by one.
 */
#ifndef _SOCKIOCP_REGISTRATION_H
#define _SOCKIOCP_REGISTRATION_H

#include "sockiocp.h"

/**
 * struct sockiocp_memories - the memory of some registrations
 * @nr: of how many
 * @all: none of it is in use
 */
struct sockiocp_memories {
	unsigned int nr;
	void *all[SOCKIOCP_CHUNK];
};

u32 sockiocp_registration_create(struct sockiocp_port *port, struct socket *socket, u64 key,
				 struct sockiocp_memories *spare, unsigned int wanted,
				 struct sockiocp_registration **result);
void sockiocp_registration_free_bulk(struct sockiocp_memories *memories);
void sockiocp_registration_end(struct sockiocp_registration *reg);

/* There is none in it afterwards. */
static inline void sockiocp_registration_free_memories(struct sockiocp_memories *memories)
{
	if (memories->nr)
		sockiocp_registration_free_bulk(memories);
}

/**
 * sockiocp_registration_put_many - give back a reference, of many
 * @reg: the registration
 * @freed: gets its memory if it was the last one; the caller frees that behind the last of
 *	them, by sockiocp_registration_free_memories()
 *
 * Sleeps as sockiocp_registration_put() does.
 */
static inline void sockiocp_registration_put_many(struct sockiocp_registration *reg,
						  struct sockiocp_memories *freed)
{
	if (!refcount_dec_and_test(&reg->hook.refs))
		return;
	sockiocp_registration_end(reg);
	freed->all[freed->nr++] = reg;
	if (freed->nr == SOCKIOCP_CHUNK)
		sockiocp_registration_free_bulk(freed);
}

#endif /* _SOCKIOCP_REGISTRATION_H */
