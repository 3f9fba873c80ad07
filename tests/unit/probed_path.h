/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A path that a test invents, for the search for a path MTU to run on: what it carries, loses, delays and says. Everything
 * from a seed.
 */
#ifndef MTUSCOPE_TEST_PROBED_PATH_H
#define MTUSCOPE_TEST_PROBED_PATH_H

#include "prober.h"

#define PROBED_RTT_MS 30

/* What is on its way back. */
struct probed_answer {
	uint32_t at_ms; /* 0: nothing */
	bool too_big;
};

struct probed_path {
	uint32_t mtu; /* outer */
	double loss;  /* one way */
	uint64_t seed;
	uint32_t change_at, change_mtu;	 /* after so many probes */
	uint32_t shrinks_at, shrinks_to; /* … this end takes no more than that, outer; 0: never */
	uint32_t dead_at;		 /* … nothing is answered any more; 0: never */
	uint32_t outage_at, outage_n;	 /* … so many are not */
	uint32_t says;			 /* a router says that larger is too big for this, 0: nobody says anything */
	uint32_t lies;			 /* somebody says so of each probe above it, 0: nobody */
	uint32_t late;			 /* each such probe's answer comes only after it was given up, 0: none */
	uint32_t slow_at, slow_ms;	 /* that probe's answer takes so long; 0: none */
	uint32_t answers, refill_ms;	 /* the host has so many left, and gets one more in so long; 0: any number */
	uint32_t refilled_ms;		 /* when it last did */
	bool duplicates, nonsense;
	uint32_t largest; /* sent */
	uint32_t took_ms;
	struct probed_answer back[PROBER_BUDGET]; /* by sequence number */
};

extern const struct ip_address PROBED_ROUTER; /* that says what a path says */

/* The search through a tunnel of that MTU whose outer packets are of that family, and beside it: to the byte. */
struct prober_config probed_tunnel(uint8_t family, uint32_t mtu);
struct prober_config probed_plain(uint32_t control, uint32_t upper);

/* A whole search. Fails the test if it does not end, sends more than its budget, or sizes that it must not. */
void probed_run(struct prober *p, const struct prober_config *config, struct probed_path *path);

#endif
