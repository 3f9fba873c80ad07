/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A gateway to tell stories about: tunnels, peers, flows and sessions as plain data that a test changes, and an
 * analysis that sees it in snapshots 250 ms apart. Each snapshot is a copy that is freed after the step, so an
 * analysis that keeps a pointer into it is found out; each finding that comes out is checked against the contract.
 * For the tests of user/core/ only.
 */
#ifndef MTUSCOPE_TEST_SNAPSHOTS_H
#define MTUSCOPE_TEST_SNAPSHOTS_H

#include "analysis.h"
#include "invariants.h"

#define SCENE_START_MS	1000
#define SCENE_TICK_MS	250
#define SECOND		(1000 / SCENE_TICK_MS) /* in snapshots */
#define MINUTE		(60 * SECOND)
#define SCENE_LINKS	4
#define SCENE_PEERS	8
#define SCENE_FLOWS	512
#define SCENE_SESSIONS	16
#define SCENE_LOG	64
#define SCENE_WG0	5  /* ifindex */
#define SCENE_ACK_INNER 52 /* bytes of a bare TCP acknowledgement with time stamps */

struct scene_session {
	struct wire_session_key key;
	struct wire_session value;
};

/* What the programs write has their times, of 32 bits. */
struct scene {
	struct analysis *analysis;
	void (*sees)(const struct snapshot *snap, void *arg); /* NULL, or told of each snapshot */
	void *sees_arg;
	msec_t clock_ms; /* what the programs take for the time: that of the last snapshot */
	struct link links[SCENE_LINKS];
	size_t links_n;
	struct peer peers[SCENE_PEERS];
	struct allowed_ip allowed_ips[SCENE_PEERS];
	size_t peers_n;
	struct wire_flow flows[SCENE_FLOWS];
	size_t flows_n;
	struct scene_session sessions[SCENE_SESSIONS];
	size_t sessions_n;
	struct link_counters counters[SCENE_LINKS];
	size_t counters_n;	       /* none, unless a test counts */
	struct finding log[SCENE_LOG]; /* what came out, in order */
	size_t log_n;
	size_t opened, updated, resolved;
	struct lives lives;
};

/* wg0 (SCENE_WG0) with that MTU over an Ethernet link of 9000 bytes, no peers yet, the clock at SCENE_START_MS, or at another time. */
void scene_start(struct scene *s, uint32_t mtu);
void scene_start_at(struct scene *s, uint32_t mtu, msec_t clock_ms);
void scene_end(struct scene *s);

/* A peer of wg0: key is 32 times that byte, `endpoint` an address (port 51820), it takes `network`, an IPv4 /24. */
struct peer *scene_peer(struct scene *s, uint8_t key, const char *endpoint, const char *network);

/* An established TCP connection from 10.0.0.1 to `remote` through wg0, or an echo conversation. */
struct wire_flow *scene_flow(struct scene *s, const char *remote);
struct wire_flow *scene_ping(struct scene *s, const char *remote);

/* The peer's data session towards here. */
struct scene_session *scene_session(struct scene *s, const struct peer *p);

/* The next snapshot, and n of them. */
void scene_tick(struct scene *s);
void scene_tick_tallies(struct scene *s, const struct tally *tallies, size_t n); /* … with these tallies */
void scene_ticks(struct scene *s, unsigned int n);

/* Unix time of a moment of any scene, seconds. */
int64_t scene_realtime_s(msec_t ms);

/* A snapshot as the scene is now, at that time; free it with snapshot_free(). And a step with any snapshot. */
struct snapshot scene_snapshot(const struct scene *s, msec_t now_ms);
void scene_step(struct scene *s, const struct snapshot *snap);

/*
 * n snapshots in which f sends a segment of that size again and again, at TCP's intervals, while `alive` (NULL: nobody)
 * has a small one acknowledged in each.
 */
void scene_stall(struct scene *s, struct wire_flow *f, uint16_t inner, struct wire_flow *alive, unsigned int n);

/* What the programs would write. Sizes are inner bytes, except for sessions: outer. */
void flow_tries(struct scene *s, struct wire_flow *f, uint16_t inner);	  /* sends it, or once more */
void flow_answered(struct scene *s, struct wire_flow *f);		  /* what is on trial is acknowledged */
void flow_delivers(struct scene *s, struct wire_flow *f, uint16_t inner); /* sends it, and it is acknowledged */
void flow_receives(struct scene *s, struct wire_flow *f, uint16_t inner); /* data from the remote side */
void flow_hears(struct scene *s, struct wire_flow *f);			  /* a bare acknowledgement from there */
void flow_asks(struct scene *s, struct wire_flow *f, uint16_t inner);	  /* delivers it, and an answer is due */
void flow_hole(struct scene *s, struct wire_flow *f, uint32_t missing);	  /* so many bytes of the stream are missing */
void flow_fills(struct scene *s, struct wire_flow *f);			  /* … and are there after all */
void session_receives(struct scene *s, struct scene_session *w, uint32_t n, uint16_t outer);
void session_loses(struct scene_session *w, uint32_t n);

/* The last finding that came out; fails the test if there is none. */
const struct finding *scene_last(const struct scene *s);

/* Fails the test unless nothing at all came out. */
void scene_assert_silent(const struct scene *s);

/* A seeded generator: below n, and true with that probability. */
uint32_t random_below(uint64_t *seed, uint32_t n);
bool random_true(uint64_t *seed, double probability);

#endif
