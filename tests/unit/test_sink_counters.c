/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of counters, from snapshots made here. Run by `make check`. */
#include "sink_scene.h"

static void counters_are_a_metric(void **state)
{
	json_t *root, *counters;
	struct scene s;

	(void)state;
	scene_start(&s);
	s.snap.losses[WIRE_LOSS_TALLY_FULL] = 4;
	s.counters[1].direction[WIRE_TX].packets = 5;
	s.counters[2].direction[WIRE_TX].packets = 100;
	s.snap.tcp_probes[TCP_PROBE_ARRIVED] = 6;
	s.snap.tcp_probes[TCP_PROBE_LOST] = 5;
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
	assert_json(counters, json_pack("{s[] s[] s[] s{si} s{si si} s{si si si si si si} s{si si si si si}}", "peers",
					"tallies", "drops", "flows", "tracked", 1, "tcp_probes", "arrived", 6, "lost",
					5, "lost", "flow_evicted", 0, "flow_refused", 0, "session_full", 0,
					"tally_full", 4, "unparsed", 0, "clock_late", 0, "omitted", "links", 0, "peers",
					0, "tallies", 0, "drops", 0, "sizes", 0));
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
		      (struct session_value){ .counter_first = 100,
					      .counter_max = 199,
					      .received = 97,
					      .duplicates = 2,
					      .bytes = 14000,
					      .size_outer = 1452 });
	scene_session(&s, 1, WIRE_TX, "192.0.2.1",
		      (struct session_value){ .counter_max = 9, .received = 10, .bytes = 960, .size_outer = 96 });
	scene_session(&s, 2, WIRE_RX, "192.0.2.1",
		      (struct session_value){ .counter_max = 9, .received = 50, .bytes = 1, .size_outer = 1 });
	scene_session(&s, 3, WIRE_RX, "192.0.2.9",
		      (struct session_value){ .received = 1, .bytes = 80, .size_outer = 80 });
	root = ecs_counters(&s.snap);
	assert_json(counters_list(root, "peers"),
		    json_pack("[{ss ss s{si si si si si} s{si si si}} {sn sn s{si si si si si} s{si si si}}]",
			      "public_key", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "interface", "wg0", "rx",
			      "received", 147, "lost", 3, "duplicates", 2, "bytes", 14001, "largest", 1452, "tx",
			      "sent", 10, "bytes", 960, "largest", 96, "public_key", "interface", "rx", "received", 1,
			      "lost", 0, "duplicates", 0, "bytes", 80, "largest", 80, "tx", "sent", 0, "bytes", 0,
			      "largest", 0));
	json_decref(root);
}

/* Seen before it entered the tunnel or not at all: by the destination. On the underlay it is WireGuard's own. */
static void a_drop_is_inner_by_its_destination(void **state)
{
	struct wire_tally_key key = { .kind = WIRE_TALLY_DROP_TOO_BIG, .family = AF_INET, .ifindex = 3 };
	struct scene s;

	(void)state;
	scene_start(&s);
	put_ip(key.remote, AF_INET, "10.2.0.9");
	assert_true(tally_is_inner(&s.snap.inventory, &key));
	key.ifindex = 2;
	assert_false(tally_is_inner(&s.snap.inventory, &key));
	key.ifindex = 0;
	assert_true(tally_is_inner(&s.snap.inventory, &key));
	put_ip(key.remote, AF_INET, "192.0.2.1");
	assert_false(tally_is_inner(&s.snap.inventory, &key));
}

static void counters_of_rare_things(void **state)
{
	struct scene s;
	json_t *root;

	(void)state;
	scene_start(&s);
	s.tallies[0] = (struct tally){ .key = { .kind = WIRE_TALLY_FRAGMENT_FAILED, .aux = 90 }, .value.count = 1 };
	s.tallies[1] = (struct tally){
		.key = { .kind = WIRE_TALLY_TOO_BIG_RX, .aux = 1400, .ifindex = 2, .family = AF_INET, .port = 51820 },
		.value = { .count = 3, .size_min = 1, .size_max = 9 }
	};
	s.tallies[2] = (struct tally){ .key = { .kind = WIRE_TALLY_TOO_BIG_MADE, .aux = 1420, .family = AF_INET },
				       .value.count = 2 };
	put_ip(s.tallies[1].key.remote, AF_INET, "192.0.2.1");
	put_ip(s.tallies[1].key.reporter, AF_INET, "198.51.100.1");
	put_ip(s.tallies[2].key.remote, AF_INET, "10.0.0.1");
	put_ip(s.tallies[2].key.reporter, AF_INET, "10.2.0.9");
	s.snap.tallies_n = 3;
	s.snap.retired[WIRE_TALLY_HANDSHAKE_RX] = 8;
	s.drops[0] = (struct drop){ .reason = "NETFILTER_DROP", .count = 2 };
	s.drops[1] = (struct drop){ .reason = "PKT_TOO_BIG", .count = 9 };
	s.snap.drops_n = 2;
	root = ecs_counters(&s.snap);
	assert_json(counters_list(root, "tallies"),
		    json_pack("[{ss si sn ss sn s{sn sn} sn sn si s{sn sn}} {ss si si ss ss s{ss si} ss sn si s{si "
			      "si}} {ss si si ss sn s{ss sn} sn ss si s{sn sn}}"
			      " {ss si sn ss sn s{sn sn} sn sn si s{sn sn}}]",
			      "kind", "handshake-rx", "aux", 0, "family", "layer", "outer", "interface", "remote", "ip",
			      "port", "reporter", "destination", "count", 8, "size", "min", "max", "kind", "too-big-rx",
			      "aux", 1400, "family", 4, "layer", "outer", "interface", "eth0", "remote", "ip",
			      "192.0.2.1", "port", 51820, "reporter", "198.51.100.1", "destination", "count", 3, "size",
			      "min", 1, "max", 9, "kind", "too-big-made", "aux", 1420, "family", 4, "layer", "inner",
			      "interface", "remote", "ip", "10.0.0.1", "port", "reporter", "destination", "10.2.0.9",
			      "count", 2, "size", "min", "max", "kind", "fragment-failed", "aux", 90, "family", "layer",
			      "outer", "interface", "remote", "ip", "port", "reporter", "destination", "count", 1,
			      "size", "min", "max"));
	assert_json(counters_list(root, "drops"), json_pack("[{ss si}{ss si}]", "reason", "PKT_TOO_BIG", "count", 9,
							    "reason", "NETFILTER_DROP", "count", 2));
	json_decref(root);
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
		      (struct session_value){ .counter_max = 99, .received = 98, .size_outer = 1452 });
	s.drops[0] = (struct drop){ .reason = "PKT_TOO_BIG", .count = 9 };
	s.snap.drops_n = 1;
	s.tallies[0] = (struct tally){ .key = { .kind = WIRE_TALLY_HANDSHAKE_TX,
						.aux = 1,
						.ifindex = 7,
						.family = AF_INET,
						.port = 51820,
						.remote = { 192, 0, 2, 1 } },
				       .value.count = 5 };
	s.snap.tallies_n = 1;
	assert_int_equal(text->counters(record, SINK_RECORD_MAX, &s.snap, NOON, NULL), 0);
	n = text->counters(record, SINK_RECORD_MAX, &s.snap, NOON, &verbose);
	assert_true(n > 0);
	record[n] = '\0';
	assert_string_equal(record,
			    "11:01:07  COUNTERS  1 flow tracked\n"
			    "          INTERFACE               PACKETS           BYTES    WIREGUARD  OVERSIZED  "
			    "FRAGMENTS  UNPARSED\n"
			    "          wg0             rx            0               0            0          0         "
			    " 0         0\n"
			    "          wg0             tx           12               0            0          0         "
			    " 0         0\n"
			    "          e?[2J           rx            0               0            0          0         "
			    " 0         0\n"
			    "          e?[2J           tx            0               0            0          0         "
			    " 0         0\n"
			    "          PEER                       SENT     RECEIVED       LOST DUPLICATES    LARGEST\n"
			    "          AQAAAAAA...                   0           98          2          0       1452\n"
			    "          5 x handshake-tx (1)  192.0.2.1:51820  wg0\n"
			    "          9 dropped: PKT_TOO_BIG\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_are_a_metric),   cmocka_unit_test(counters_of_a_link),
		cmocka_unit_test(counters_of_peers),	   cmocka_unit_test(a_drop_is_inner_by_its_destination),
		cmocka_unit_test(counters_of_rare_things), cmocka_unit_test(text_of_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
