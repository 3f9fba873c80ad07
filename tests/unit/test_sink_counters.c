/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records of counters and of too-big messages. Snapshots made here go in; what leaves is parsed by jansson or compared
 * as text. Run by `make check`.
 */
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
#include "totals.h"

#define NOON  1767265267250 /* 2026-01-01T11:01:07.250Z */
#define TOLD  256

static char record[SINK_RECORD_MAX + 1];

static void put_ip(uint8_t bytes[16], int family, const char *text)
{
	assert_int_equal(inet_pton(family, text, bytes), 1);
}

/* The record in `record` as jansson reads it, after looking that it is one line. */
static json_t *parsed(int n)
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
static void assert_json(json_t *is, json_t *expected)
{
	assert_non_null(expected);
	if (!json_equal(is, expected))
		fail_msg("%s\nis not\n%s", json_dumps(is, JSON_SORT_KEYS), json_dumps(expected, JSON_SORT_KEYS));
	json_decref(expected);
}

/* What stands under mtuscope.<what>; *root keeps it alive. */
static json_t *own(json_t *root, const char *what)
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
	struct wire_flow flows[1];
	struct snapshot snap;
};

static void scene_session(struct scene *s, size_t i, enum wire_direction direction, const char *remote,
			  struct wire_session value)
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

static void scene_peer(struct scene *s, size_t i, const char *endpoint)
{
	s->peers[i] = (struct peer){ .tunnel_ifindex = 7, .public_key = { (uint8_t)(i + 1) } };
	s->peers[i].endpoint.ip.family = AF_INET;
	s->peers[i].endpoint.port = 51820;
	put_ip(s->peers[i].endpoint.ip.bytes, AF_INET, endpoint);
}

static void scene_start(struct scene *s)
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
	s->snap.inventory = (struct inventory){ .links = s->links, .links_n = 3, .peers = s->peers, .peers_n = 2,
						.allowed_ips = s->allowed, .allowed_ips_n = 1 };
	s->snap.sessions = s->sessions;
	s->snap.counters = s->counters;
	s->snap.counters_n = 3;
	s->snap.tallies = s->tallies;
	s->snap.drops = s->drops;
	s->snap.flows = s->flows;
	s->snap.flows_n = 1;
}

static json_t *ecs_counters(const struct snapshot *snap)
{
	return parsed(sink_named("ecs")->counters(record, SINK_RECORD_MAX, snap, NOON, NULL));
}

static json_t *counters_list(json_t *root, const char *list)
{
	return json_object_get(own(root, "counters"), list);
}

static void counters_are_a_metric(void **state)
{
	json_t *root, *counters;
	struct scene s;

	(void)state;
	scene_start(&s);
	s.snap.losses[WIRE_LOSS_TALLY_FULL] = 4;
	s.counters[1].direction[WIRE_TX].packets = 5;
	s.counters[2].direction[WIRE_TX].packets = 100;
	root = ecs_counters(&s.snap);
	counters = json_incref(own(root, "counters"));
	json_object_del(root, "mtuscope");
	assert_json(root, json_pack("{ss ss ss ss s{ss s[s] s[s] ss ss}}", "@timestamp", "2026-01-01T11:01:07.250Z",
				    "log.level", "info", "message",
				    "mtuscope has counted 5 packets on 2 interface(s), 0 of them oversized",
				    "ecs.version", "9.4.0", "event", "kind", "metric", "category", "network", "type",
				    "info", "module", "mtuscope", "dataset", "mtuscope.counters"));
	assert_int_equal(json_array_size(json_object_get(counters, "links")), 4);
	json_object_del(counters, "links");
	assert_json(counters, json_pack("{s[] s[] s[] s{si} s{si si si si si} s{si si si si si}}", "peers", "tallies",
					"drops", "flows", "tracked", 1, "lost", "flow_evicted", 0, "flow_refused", 0,
					"session_full", 0, "tally_full", 4, "unparsed", 0, "omitted", "links", 0,
					"peers", 0, "tallies", 0, "drops", 0, "sizes", 0));
	json_decref(counters);
	json_decref(root);
}

static void counters_of_a_link(void **state)
{
	struct wire_counters *c;
	struct scene s;
	json_t *root;

	(void)state;
	scene_start(&s);
	c = &s.counters[1].direction[WIRE_TX];
	c->packets = 10;
	c->bytes = 9000;
	c->wg_packets = 8;
	c->wg_bytes = 8900;
	c->oversized = 1;
	c->dont_fragment = 2;
	c->fragments_first = 3;
	c->fragments_middle = 4;
	c->fragments_last = 5;
	c->unparsed = 6;
	c->sizes[1500 / WIRE_SIZE_STEP] = 7;
	c->sizes[0] = 1;
	c->sizes[WIRE_SIZE_SLOTS - 1] = 2;
	root = ecs_counters(&s.snap);
	assert_json(json_array_get(counters_list(root, "links"), 3),
		    json_pack("{ss ss ss si si si si si si s{si si si} si s[[ii][ii][ii]]}", "name", "eth0", "role",
			      "underlay", "direction", "tx", "packets", 10, "bytes", 9000, "wg_packets", 8, "wg_bytes",
			      8900, "oversized", 1, "dont_fragment", 2, "fragments", "first", 3, "middle", 4, "last", 5,
			      "unparsed", 6, "sizes", 0, 1, 1488, 7, 9232, 2));
	json_decref(root);
}

static void counters_of_peers(void **state)
{
	struct scene s;
	json_t *root;

	(void)state;
	scene_start(&s);
	/* 100 … 199 with three missing; all of 0 … 9; a flood of old counters is no loss; a stranger. */
	scene_session(&s, 0, WIRE_RX, "192.0.2.1",
		      (struct wire_session){ .counter_first = 100, .counter_max = 199, .received = 97, .duplicates = 2,
					     .bytes = 14000, .size_outer = 1452 });
	scene_session(&s, 1, WIRE_TX, "192.0.2.1",
		      (struct wire_session){ .counter_max = 9, .received = 10, .bytes = 960, .size_outer = 96 });
	scene_session(&s, 2, WIRE_RX, "192.0.2.1",
		      (struct wire_session){ .counter_max = 9, .received = 50, .bytes = 1, .size_outer = 1 });
	scene_session(&s, 3, WIRE_RX, "192.0.2.9", (struct wire_session){ .received = 1, .bytes = 80, .size_outer = 80 });
	root = ecs_counters(&s.snap);
	assert_json(counters_list(root, "peers"),
		    json_pack("[{ss ss s{si si si si si} s{si si si}} {sn sn s{si si si si si} s{si si si}}]", "public_key",
			      "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "interface", "wg0", "rx", "received", 147,
			      "lost", 3, "duplicates", 2, "bytes", 14001, "largest", 1452, "tx", "sent", 10, "bytes", 960,
			      "largest", 96, "public_key", "interface", "rx", "received", 1, "lost", 0, "duplicates", 0,
			      "bytes", 80, "largest", 80, "tx", "sent", 0, "bytes", 0, "largest", 0));
	json_decref(root);
}

static void counters_of_rare_things(void **state)
{
	struct scene s;
	json_t *root;

	(void)state;
	scene_start(&s);
	s.tallies[0] = (struct tally){ .key = { .kind = WIRE_TALLY_FRAGMENT_FAILED, .aux = 90 }, .value.count = 1 };
	s.tallies[1] = (struct tally){ .key = { .kind = WIRE_TALLY_TOO_BIG_RX, .aux = 1400, .ifindex = 2,
						.family = AF_INET, .port = 51820 },
				       .value = { .count = 3, .size_min = 1, .size_max = 9 } };
	s.tallies[2] = (struct tally){ .key = { .kind = WIRE_TALLY_TOO_BIG_MADE, .aux = 1420, .family = AF_INET },
				       .value.count = 2 };
	put_ip(s.tallies[1].key.remote, AF_INET, "192.0.2.1");
	put_ip(s.tallies[1].key.reporter, AF_INET, "198.51.100.1");
	put_ip(s.tallies[2].key.remote, AF_INET, "10.0.0.1");
	put_ip(s.tallies[2].key.reporter, AF_INET, "10.2.0.9");
	s.snap.tallies_n = 3;
	s.drops[0] = (struct drop){ .reason = "NETFILTER_DROP", .count = 2 };
	s.drops[1] = (struct drop){ .reason = "PKT_TOO_BIG", .count = 9 };
	s.snap.drops_n = 2;
	root = ecs_counters(&s.snap);
	assert_json(counters_list(root, "tallies"),
		    json_pack("[{ss si si ss ss s{ss si} ss sn si s{si si}} {ss si si ss sn s{ss sn} sn ss si s{sn sn}}"
			      " {ss si sn ss sn s{sn sn} sn sn si s{sn sn}}]",
			      "kind", "too-big-rx", "aux", 1400, "family", 4, "layer", "outer", "interface", "eth0",
			      "remote", "ip", "192.0.2.1", "port", 51820, "reporter", "198.51.100.1", "destination", "count",
			      3, "size", "min", 1, "max", 9, "kind", "too-big-made", "aux", 1420, "family", 4, "layer",
			      "inner", "interface", "remote", "ip", "10.0.0.1", "port", "reporter", "destination", "10.2.0.9",
			      "count", 2, "size", "min", "max", "kind", "fragment-failed", "aux", 90, "family", "layer",
			      "outer", "interface", "remote", "ip", "port", "reporter", "destination", "count", 1, "size",
			      "min", "max"));
	assert_json(counters_list(root, "drops"), json_pack("[{ss si}{ss si}]", "reason", "PKT_TOO_BIG", "count", 9,
							    "reason", "NETFILTER_DROP", "count", 2));
	json_decref(root);
}

/* Everything at its maximum, and every name of bytes that take most room. */
struct giant {
	struct link links[2 * WIRE_LINKS];
	struct link_counters counters[2 * WIRE_LINKS];
	struct peer peers[500];
	struct session sessions[1000];
	struct tally tallies[WIRE_TALLIES];
	struct drop drops[WIRE_REASONS];
	struct snapshot snap;
};

static void giant_peers(struct giant *g)
{
	for (size_t i = 0; i < 500; i++) {
		struct peer *p = &g->peers[i];

		memset(p, 0xff, sizeof(*p));
		p->tunnel_ifindex = 1;
		p->endpoint.ip.family = AF_INET6;
		memcpy(p->endpoint.ip.bytes, &i, sizeof(i));
		for (size_t d = 0; d < WIRE_DIRECTIONS; d++) {
			struct session *s = &g->sessions[2 * i + d];

			memset(&s->value, 0x7f, sizeof(s->value));
			s->value.counter_first = 0;
			s->value.received = i + 1;
			s->key = (struct wire_session_key){ .direction = d, .family = AF_INET6, .remote_port = 0xffff };
			memcpy(s->key.remote, p->endpoint.ip.bytes, 16);
		}
	}
}

static struct giant *giant_new(size_t links_n)
{
	struct giant *g = malloc(sizeof(*g));

	assert_non_null(g);
	memset(g, 0x7f, sizeof(*g));
	for (size_t i = 0; i < links_n; i++) {
		g->links[i].ifindex = g->counters[i].ifindex = (uint32_t)i + 1;
		memset(g->links[i].name, 0x01, IFACE_NAME_LEN);
		g->links[i].role = i ? WIRE_ROLE_UNDERLAY : WIRE_ROLE_TUNNEL;
		g->links[i].listen_port = 0;
	}
	giant_peers(g);
	for (size_t i = 0; i < WIRE_TALLIES; i++) {
		g->tallies[i].key.kind = WIRE_TALLY_REASSEMBLY_TIMEOUT;
		g->tallies[i].key.family = AF_INET6;
		g->tallies[i].key.ifindex = 1;
	}
	for (size_t i = 0; i < WIRE_REASONS; i++)
		memset(g->drops[i].reason, 0x01, sizeof(g->drops[i].reason));
	g->snap = (struct snapshot){ .inventory = { .links = g->links, .links_n = links_n, .peers = g->peers,
						    .peers_n = 500 },
				     .sessions = g->sessions, .sessions_n = 1000, .tallies = g->tallies,
				     .tallies_n = WIRE_TALLIES, .counters = g->counters, .counters_n = links_n,
				     .drops = g->drops, .drops_n = WIRE_REASONS, .flows_n = SIZE_MAX };
	memset(g->snap.losses, 0xff, sizeof(g->snap.losses));
	return g;
}

/* Nothing is left out without being said. */
static void assert_complete(json_t *root, const char *list, size_t n)
{
	json_t *omitted = json_object_get(counters_list(root, "omitted"), list);

	assert_int_equal(json_array_size(counters_list(root, list)) + (size_t)json_integer_value(omitted), n);
	assert_true(json_array_size(counters_list(root, list)) > 0);
}

static size_t sizes_written(json_t *root)
{
	json_t *links = counters_list(root, "links"), *link;
	size_t i, n = 0;

	json_array_foreach(links, i, link)
		n += json_array_size(json_object_get(link, "sizes"));
	return n;
}

static void the_largest_counters_fit(void **state)
{
	static const size_t links_n[] = { 0, 1, 3, WIRE_LINKS, 2 * WIRE_LINKS };
	struct sink_options verbose = { .verbose = 1, .color = true };
	const struct sink *sink;
	json_t *root, *omitted;

	(void)state;
	for (size_t i = 0; i < sizeof(links_n) / sizeof(links_n[0]); i++) {
		struct giant *g = giant_new(links_n[i]);
		size_t written = links_n[i] > WIRE_LINKS ? WIRE_LINKS : links_n[i];

		root = ecs_counters(&g->snap);
		assert_complete(root, "peers", 500);
		assert_complete(root, "tallies", WIRE_TALLIES);
		assert_complete(root, "drops", WIRE_REASONS);
		assert_int_equal(json_array_size(counters_list(root, "links")), WIRE_DIRECTIONS * written);
		omitted = counters_list(root, "omitted");
		assert_int_equal(json_integer_value(json_object_get(omitted, "links")), links_n[i] - written);
		assert_int_equal(sizes_written(root) + (size_t)json_integer_value(json_object_get(omitted, "sizes")),
				 WIRE_DIRECTIONS * written * WIRE_SIZE_SLOTS);
		assert_true(!written || sizes_written(root));
		json_decref(root);
		for (size_t k = 0; (sink = sink_at(k)); k++)
			assert_true(sink->counters(record, SINK_RECORD_MAX, &g->snap, NOON, &verbose) > 0);
		free(g);
	}
}

/* The busiest come first, so that what is left out matters least; of sizes, too, in order of size. */
static void the_largest_entries_are_kept(void **state)
{
	struct giant *g = giant_new(1);
	json_t *root, *sizes;
	int64_t last = -1;
	size_t i;

	(void)state;
	memset(g->counters, 0, sizeof(g->counters));
	g->counters[0].ifindex = 1;
	g->snap.drops_n = 0;
	for (i = 0; i < WIRE_SIZE_SLOTS; i++)
		g->counters[0].direction[WIRE_RX].sizes[i] = UINT64_MAX / 4 + i;
	root = ecs_counters(&g->snap);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(json_array_get(counters_list(root, "peers"), 0), "tx"), "sent")),
			 500);
	sizes = json_object_get(json_array_get(counters_list(root, "links"), 0), "sizes");
	assert_in_range(json_array_size(sizes), 1, WIRE_SIZE_SLOTS - 1);
	for (i = 0; i < json_array_size(sizes); i++) {
		int64_t size = json_integer_value(json_array_get(json_array_get(sizes, i), 0));

		assert_true(size > last);
		last = size;
	}
	assert_int_equal(last, (WIRE_SIZE_SLOTS - 1) * WIRE_SIZE_STEP);
	json_decref(root);
	free(g);
}

static void an_ordinary_gateway_is_complete(void **state)
{
	struct giant *g = giant_new(3);
	json_t *root, *value;
	const char *key;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		strcpy(g->links[i].name, "wg0");
		for (size_t d = 0; d < WIRE_DIRECTIONS; d++) {
			struct wire_counters *c = &g->counters[i].direction[d];

			*c = (struct wire_counters){ .packets = 1000000000, .bytes = 1000000000000 };
			for (size_t n = 0; n < 95; n++)
				c->sizes[n] = 10000000;
		}
	}
	for (size_t i = 0; i < 200; i++)
		g->sessions[i].value = (struct wire_session){ .received = 1000000000, .bytes = 1000000000000 };
	for (size_t i = 0; i < 40; i++)
		g->tallies[i].value = (struct wire_tally){ .count = 100000 };
	g->snap.sessions_n = 200;
	g->snap.tallies_n = 40;
	g->snap.drops_n = 20;
	root = ecs_counters(&g->snap);
	json_object_foreach(counters_list(root, "omitted"), key, value)
		if (json_integer_value(value))
			fail_msg("%s: %lld omitted", key, (long long)json_integer_value(value));
	json_decref(root);
	free(g);
}

static void a_small_buffer_is_refused(void **state)
{
	struct sink_options verbose = { .verbose = 1 };
	struct giant *g = giant_new(2);
	const struct sink *sink;

	(void)state;
	g->snap.tallies_n = 20;
	g->snap.drops_n = 5;
	for (size_t i = 0; (sink = sink_at(i)); i++) {
		int n = sink->counters(record, SINK_RECORD_MAX, &g->snap, NOON, &verbose);

		for (int cap = 0; cap <= n; cap += cap < n - 7 ? 7 : 1) {
			record[cap] = '#';
			assert_int_equal(sink->counters(record, (size_t)cap, &g->snap, NOON, &verbose),
					 cap < n ? -ENOSPC : n);
			assert_int_equal(record[cap], '#');
		}
	}
	free(g);
}

static void text_of_counters(void **state)
{
	struct sink_options verbose = { .verbose = 1 };
	const struct sink *text = sink_named("text");
	struct scene s;
	int n;

	(void)state;
	scene_start(&s);
	memcpy(s.links[1].name, "e\033[2J", 6);
	s.counters[0].direction[WIRE_TX].packets = 12;
	scene_session(&s, 0, WIRE_RX, "192.0.2.1",
		      (struct wire_session){ .counter_max = 99, .received = 98, .size_outer = 1452 });
	s.drops[0] = (struct drop){ .reason = "PKT_TOO_BIG", .count = 9 };
	s.snap.drops_n = 1;
	s.tallies[0] = (struct tally){ .key = { .kind = WIRE_TALLY_HANDSHAKE_TX, .aux = 1, .ifindex = 7,
						.family = AF_INET, .port = 51820, .remote = { 192, 0, 2, 1 } },
				       .value.count = 5 };
	s.snap.tallies_n = 1;
	assert_int_equal(text->counters(record, SINK_RECORD_MAX, &s.snap, NOON, NULL), 0);
	n = text->counters(record, SINK_RECORD_MAX, &s.snap, NOON, &verbose);
	assert_true(n > 0);
	record[n] = '\0';
	assert_string_equal(
		record,
		"11:01:07  COUNTERS  1 flow tracked\n"
		"          INTERFACE               PACKETS           BYTES    WIREGUARD  OVERSIZED  FRAGMENTS  UNPARSED\n"
		"          wg0             rx            0               0            0          0          0         0\n"
		"          wg0             tx           12               0            0          0          0         0\n"
		"          e?[2J           rx            0               0            0          0          0         0\n"
		"          e?[2J           tx            0               0            0          0          0         0\n"
		"          PEER                       SENT     RECEIVED       LOST DUPLICATES    LARGEST\n"
		"          AQAAAAAA...                   0           98          2          0       1452\n"
		"          5 x handshake-tx (1)  192.0.2.1:51820  wg0\n"
		"          9 dropped: PKT_TOO_BIG\n");
}

/* --- too-big messages ------------------------------------------------------- */

struct told {
	struct ptb list[TOLD];
	size_t n;
	uint64_t count;
};

static void told_add(const struct ptb *p, void *arg)
{
	struct told *t = arg;

	assert_true(t->n < TOLD);
	t->list[t->n++] = *p;
	t->count += p->count;
}

static struct told step(struct ptb_log *log, struct scene *s, uint32_t now_ms, bool at_end)
{
	static struct told t;

	memset(&t, 0, sizeof(t));
	s->snap.now_ms = now_ms;
	assert_int_equal(ptb_log_step(log, &s->snap, at_end, told_add, &t), 0);
	return t;
}

/* 198.51.100.1 says on eth0: 1400 bytes on the way to 192.0.2.1:51820. */
static void tally_rx(struct scene *s, size_t i, uint64_t count)
{
	s->tallies[i] = (struct tally){ .key = { .kind = WIRE_TALLY_TOO_BIG_RX, .aux = 1400, .ifindex = 2,
						 .family = AF_INET, .port = 51820 },
					.value = { .count = count, .first_ms = 18000, .last_ms = 19000 } };
	put_ip(s->tallies[i].key.remote, AF_INET, "192.0.2.1");
	put_ip(s->tallies[i].key.reporter, AF_INET, "198.51.100.1");
	s->snap.tallies_n = i + 1;
}

/* The kernel makes one for 10.0.0.1, whose packet was for 10.2.0.9, behind the second peer. */
static void tally_made(struct scene *s, size_t i, uint64_t count)
{
	s->tallies[i] = (struct tally){ .key = { .kind = WIRE_TALLY_TOO_BIG_MADE, .aux = 1420, .family = AF_INET },
					.value = { .count = count, .first_ms = 18000, .last_ms = 19000 } };
	put_ip(s->tallies[i].key.remote, AF_INET, "10.0.0.1");
	put_ip(s->tallies[i].key.reporter, AF_INET, "10.2.0.9");
	s->snap.tallies_n = i + 1;
}

static void ptb_is_told_at_once_and_then_together(void **state)
{
	struct ptb_log *log = ptb_log_new();
	struct scene s;
	struct told t;

	(void)state;
	scene_start(&s);
	tally_rx(&s, 0, 2);
	t = step(log, &s, 20000, false);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.list[0].count, 2);
	assert_int_equal(t.list[0].mtu, 1400);
	assert_int_equal(t.list[0].direction, PTB_RX);
	assert_false(t.list[0].inner);
	assert_string_equal(t.list[0].interface, "eth0");
	assert_int_equal(t.list[0].first_seen_ms, NOON - 2000);
	assert_int_equal(t.list[0].last_seen_ms, NOON - 1000);
	assert_int_equal(step(log, &s, 20250, false).n, 0);
	s.tallies[0].value.count = 9;
	assert_int_equal(step(log, &s, 29750, false).n, 0);
	assert_int_equal(step(log, &s, 30000, false).count, 7);
	assert_int_equal(step(log, &s, 60000, false).n, 0);
	s.tallies[0].value.count = 10;
	assert_int_equal(step(log, &s, 60250, false).count, 1);
	s.tallies[0].value.count = 12;
	assert_int_equal(step(log, &s, 60500, true).count, 2);
	assert_int_equal(step(log, &s, 60750, true).n, 0);
	ptb_log_free(log);
}

/* What differs only by interface is one story; what differs otherwise is not; a message about the inside is known as such. */
static void ptb_stories_are_told_apart(void **state)
{
	struct ptb_log *log = ptb_log_new();
	struct scene s;
	struct told t;

	(void)state;
	scene_start(&s);
	tally_rx(&s, 0, 1);
	tally_rx(&s, 1, 1);
	s.tallies[1].key.ifindex = 99;
	s.tallies[1].value.last_ms = 19500;
	tally_made(&s, 2, 1);
	t = step(log, &s, 20000, false);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.list[0].count, 2);
	assert_string_equal(t.list[0].interface, "");
	assert_int_equal(t.list[1].direction, PTB_MADE);
	assert_true(t.list[1].inner);
	assert_int_equal(t.list[1].reporter.family, 0);
	assert_int_equal(t.list[1].destination.bytes[3], 9);
	s.tallies[0].key.tunnel = 1;
	s.tallies[1].key.aux = 1300;
	t = step(log, &s, 20250, false);
	assert_int_equal(t.n, 2);
	assert_true(t.list[0].inner || t.list[1].inner);
	ptb_log_free(log);
}

/* A flood of forged messages makes a bounded number of records, in which every message is counted. */
static void a_flood_of_ptb_is_bounded(void **state)
{
	static struct tally flood[5000];
	struct ptb_log *log = ptb_log_new();
	uint64_t told = 0;
	struct scene s;
	struct told t;

	(void)state;
	scene_start(&s);
	s.snap.tallies = flood;
	s.snap.tallies_n = 5000;
	for (size_t i = 0; i < 5000; i++) {
		flood[i].key = (struct wire_tally_key){ .kind = WIRE_TALLY_TOO_BIG_RX, .family = AF_INET };
		memcpy(flood[i].key.reporter, &i, 4);
	}
	for (uint32_t tick = 0; tick < 100; tick++) {
		for (size_t i = 0; i < 5000; i++)
			flood[i].value.count++;
		t = step(log, &s, 20000 + tick * 250, tick == 99);
		told += t.count;
		assert_true(t.n <= PTB_RECORDS_MAX + 1);
	}
	assert_int_equal(told, 5000 * 100);
	ptb_log_free(log);
}

static struct ptb example(enum ptb_direction direction)
{
	struct ptb_log *log = ptb_log_new();
	struct scene s;
	struct told t;

	scene_start(&s);
	if (direction == PTB_RX)
		tally_rx(&s, 0, 3);
	else
		tally_made(&s, 0, 1);
	t = step(log, &s, 20000, false);
	ptb_log_free(log);
	assert_int_equal(t.n, 1);
	return t.list[0];
}

static json_t *ecs_ptb(const struct ptb *p)
{
	return parsed(sink_named("ecs")->ptb(record, SINK_RECORD_MAX, p, NOON, NULL));
}

static const char *text_ptb(const struct ptb *p)
{
	int n = sink_named("text")->ptb(record, SINK_RECORD_MAX, p, NOON, NULL);

	assert_true(n > 0);
	record[n] = '\0';
	return record;
}

static void ecs_ptb_is_an_event(void **state)
{
	struct ptb p = example(PTB_RX);
	json_t *root = ecs_ptb(&p), *ptb = json_incref(own(root, "ptb"));

	(void)state;
	json_object_del(root, "mtuscope");
	assert_json(root, json_pack("{ss ss ss ss s{ss s[s] s[s] ss ss} s{ss} s{ss ss}}", "@timestamp",
				    "2026-01-01T11:01:07.250Z", "log.level", "info", "message",
				    "198.51.100.1 says that packets to 192.0.2.1:51820 may have at most 1400 bytes"
				    " (outer packet, on eth0), 3 messages",
				    "ecs.version", "9.4.0", "event", "kind", "event", "category", "network", "type",
				    "info", "module", "mtuscope", "dataset", "mtuscope.ptb", "source", "ip",
				    "198.51.100.1", "network", "type", "ipv4", "transport", "icmp"));
	assert_json(ptb, json_pack("{ss ss ss s{ss si} sn si si ss si ss ss}", "layer", "outer", "direction", "rx",
				   "reporter", "198.51.100.1", "host", "ip", "192.0.2.1", "port", 51820, "destination",
				   "mtu", 1400, "count", 3, "interface", "eth0", "stories", 1, "first_seen",
				   "2026-01-01T11:01:05.250Z", "last_seen", "2026-01-01T11:01:06.250Z"));
	json_decref(ptb);
	json_decref(root);

	p = example(PTB_MADE);
	root = ecs_ptb(&p);
	assert_json(own(root, "ptb"), json_pack("{ss ss sn s{ss} ss si si sn si ss ss}", "layer", "inner", "direction",
						"made", "reporter", "host", "ip", "10.0.0.1", "destination", "10.2.0.9",
						"mtu", 1420, "count", 1, "interface", "stories", 1, "first_seen",
						"2026-01-01T11:01:05.250Z", "last_seen", "2026-01-01T11:01:06.250Z"));
	json_decref(root);
}

static void text_of_ptb(void **state)
{
	struct ptb p = example(PTB_MADE);

	(void)state;
	assert_string_equal(text_ptb(&p), "11:01:07  TOO BIG   10.0.0.1 is to be told that packets to 10.2.0.9 may have at"
					  " most 1420 bytes (inner packet), 1 message\n");
	p = example(PTB_RX);
	memcpy(p.interface, "\033[2J", 5);
	p.mtu = 0;
	assert_string_equal(text_ptb(&p), "11:01:07  TOO BIG   198.51.100.1 says that packets to 192.0.2.1:51820 are too"
					  " big, without a size (outer packet, on ?[2J), 3 messages\n");
	p = (struct ptb){ .direction = PTB_TX, .stories = 12, .count = 40 };
	assert_string_equal(text_ptb(&p), "11:01:07  TOO BIG   40 more too-big messages (tx) of 12 kinds\n");
}

static void the_largest_ptb_fits(void **state)
{
	const struct sink *sink;
	struct ptb p;

	(void)state;
	for (uint32_t stories = 0; stories < 3; stories++) {
		memset(&p, 0xff, sizeof(p));
		p.direction = PTB_DIRECTIONS;
		p.inner = true;
		p.family = p.reporter.family = p.host.ip.family = p.destination.family = AF_INET6;
		memset(p.interface, 0x01, sizeof(p.interface));
		p.stories = stories;
		json_decref(ecs_ptb(&p));
		for (size_t i = 0; (sink = sink_at(i)); i++)
			for (size_t cap = 0; cap < 200; cap++)
				assert_int_equal(sink->ptb(record, stories == 1 ? cap : 0, &p, NOON, NULL), -ENOSPC);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_are_a_metric),
		cmocka_unit_test(counters_of_a_link),
		cmocka_unit_test(counters_of_peers),
		cmocka_unit_test(counters_of_rare_things),
		cmocka_unit_test(the_largest_counters_fit),
		cmocka_unit_test(the_largest_entries_are_kept),
		cmocka_unit_test(an_ordinary_gateway_is_complete),
		cmocka_unit_test(a_small_buffer_is_refused),
		cmocka_unit_test(text_of_counters),
		cmocka_unit_test(ptb_is_told_at_once_and_then_together),
		cmocka_unit_test(ptb_stories_are_told_apart),
		cmocka_unit_test(a_flood_of_ptb_is_bounded),
		cmocka_unit_test(ecs_ptb_is_an_event),
		cmocka_unit_test(text_of_ptb),
		cmocka_unit_test(the_largest_ptb_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
