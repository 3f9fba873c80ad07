/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of records have in common: jansson as the judge of what leaves, and a small gateway as a snapshot. For the
 * tests of user/sink/, each of which has its own.
 */
#ifndef MTUSCOPE_TEST_SINK_SCENE_H
#define MTUSCOPE_TEST_SINK_SCENE_H

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "sink.h"

#define NOON 1767265267250 /* 2026-01-01T11:01:07.250Z */

static char record[SINK_RECORD_MAX + 1];

static inline void put_ip(uint8_t bytes[16], int family, const char *text)
{
	assert_int_equal(inet_pton(family, text, bytes), 1);
}

/* The record in `record` as jansson reads it, after looking that it is one line. */
static inline json_t *parsed(int n)
{
	json_error_t error;
	json_t *root;

	assert_true(n > 0 && n <= SINK_RECORD_MAX);
	assert_ptr_equal(memchr(record, '\n', (size_t)n), record + n - 1);
	root = json_loadb(record, (size_t)n, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		fail_msg("%s at byte %d: %.*s", error.text, error.position, n, record);
	return root;
}

/* One jansson pack format of the whole value: nothing missing, nothing more. */
static inline void assert_json(json_t *is, json_t *expected)
{
	assert_non_null(expected);
	if (!json_equal(is, expected))
		fail_msg("%s\nis not\n%s", json_dumps(is, JSON_SORT_KEYS), json_dumps(expected, JSON_SORT_KEYS));
	json_decref(expected);
}

/* What stands under mtuscope.<what>; *root keeps it alive. */
static inline json_t *own(json_t *root, const char *what)
{
	json_t *all = json_object_get(root, "mtuscope");

	assert_int_equal(json_object_size(all), 1);
	return json_object_get(all, what);
}

/* wg0 over eth0 with a LAN beside it, and two peers, each a session a way. */
struct scene {
	struct link links[3];
	struct peer peers[2];
	struct allowed_ip allowed[1];
	struct session sessions[4];
	struct link_counters counters[3];
	struct tally tallies[3];
	struct drop drops[2];
	struct flow flows[1];
	struct snapshot snap;
};

static inline void scene_session(struct scene *s, size_t i, enum wire_direction direction, const char *remote,
				 struct session_value value)
{
	s->sessions[i].key.index = (uint32_t)i;
	s->sessions[i].key.direction = direction;
	s->sessions[i].key.family = AF_INET;
	s->sessions[i].key.remote_port = 51820;
	s->sessions[i].key.local_port = 51820;
	put_ip(s->sessions[i].key.remote, AF_INET, remote);
	s->sessions[i].value = value;
	s->snap.sessions_n = i + 1;
}

static inline void scene_peer(struct scene *s, size_t i, const char *endpoint)
{
	s->peers[i] = (struct peer){ .tunnel_ifindex = 7, .public_key = { (uint8_t)(i + 1) } };
	s->peers[i].endpoint.ip.family = AF_INET;
	s->peers[i].endpoint.port = 51820;
	put_ip(s->peers[i].endpoint.ip.bytes, AF_INET, endpoint);
}

static inline void scene_start(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->links[0] = (struct link){ .ifindex = 7, .name = "wg0", .role = WIRE_ROLE_TUNNEL, .listen_port = 51820 };
	s->links[1] = (struct link){ .ifindex = 2, .name = "eth0", .role = WIRE_ROLE_UNDERLAY };
	s->links[2] = (struct link){ .ifindex = 3, .name = "lan0", .role = WIRE_ROLE_LAN };
	scene_peer(s, 0, "192.0.2.1");
	scene_peer(s, 1, "192.0.2.2");
	s->allowed[0] = (struct allowed_ip){ .ip.family = AF_INET, .prefix_len = 24, .peer = 1 };
	put_ip(s->allowed[0].ip.bytes, AF_INET, "10.2.0.0");
	for (size_t i = 0; i < 3; i++)
		s->counters[i].ifindex = s->links[i].ifindex;
	s->snap.now_ms = 20000;
	s->snap.realtime_ms = NOON;
	s->snap.inventory = (struct inventory){ .links = s->links,
						.links_n = 3,
						.peers = s->peers,
						.peers_n = 2,
						.allowed_ips = s->allowed,
						.allowed_ips_n = 1 };
	s->snap.sessions = s->sessions;
	s->snap.counters = s->counters;
	s->snap.counters_n = 3;
	s->snap.tallies = s->tallies;
	s->snap.drops = s->drops;
	s->snap.flows = s->flows;
	s->snap.flows_n = 1;
}

static inline json_t *ecs_counters(const struct snapshot *snap)
{
	return parsed(sink_named("ecs")->counters(record, SINK_RECORD_MAX, snap, NOON, NULL));
}

static inline json_t *counters_list(json_t *root, const char *list)
{
	return json_object_get(own(root, "counters"), list);
}

#endif
