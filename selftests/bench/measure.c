// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: The sockiocp authors
/*
 * Rounds: all who do a bar's work do it in turns, so that what
 * changes with time (caches, frequencies, memory) is the same for all.
 */
#include <jansson.h>
#include <string.h>

#include "bench.h"

double shared_value(struct shared *shared, const struct side *side, int n,
		    int which)
{
	int s = side == &port_side;
	int round = shared->seen[s][which]++;

	if (round >= SHARED_ROUNDS)
		die("more than %d rounds", SHARED_ROUNDS - 1);
	if (round == shared->made[s])
		shared->make(side, n, shared->value[s][shared->made[s]++]);
	return shared->value[s][round][which];
}

static json_t *entrant_result(const struct entrant *entrant)
{
	return json_pack("{s:s, s:i, s:[]}", "name", entrant->side->name,
			 "n", entrant->n, "rounds");
}

json_t *measure(const struct bar *bar, int rounds)
{
	/* A million need no warming up, and a guest stays fresh without. */
	bool warms_up = strncmp(bar->group, "scale", strlen("scale")) &&
			strncmp(bar->group, "fresh", strlen("fresh"));
	json_t *result = json_pack("{s:[]}", "peers");
	const struct entrant *entrant;
	json_t *entrants[MAX_PEERS + 1];
	int i, round, count = 1;
	double cost;

	entrants[0] = entrant_result(&bar->ours);
	json_object_set_new(result, "ours", entrants[0]);
	for (i = 0; i < MAX_PEERS && bar->peers[i].side; i++) {
		entrants[count] = entrant_result(&bar->peers[i]);
		json_array_append_new(json_object_get(result, "peers"),
				      entrants[count++]);
	}

	/* The first round warms up and does not count. */
	for (round = warms_up ? -1 : 0; round < rounds; round++) {
		for (i = 0; i < count; i++) {
			entrant = i ? &bar->peers[i - 1] : &bar->ours;
			cost = bar->round(entrant->side, entrant->n);
			if (round >= 0)
				json_array_append_new(json_object_get(entrants[i], "rounds"),
						      json_real(cost));
		}
	}
	return result;
}
