/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of counters at its limits: the largest snapshots fit, what is left out is said, small buffers are refused.
 * Run by `make check`.
 */
#include "sink_scene.h"

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
	g->snap = (struct snapshot){
		.inventory = { .links = g->links, .links_n = links_n, .peers = g->peers, .peers_n = 500 },
		.sessions = g->sessions,
		.sessions_n = 1000,
		.tallies = g->tallies,
		.tallies_n = WIRE_TALLIES,
		.counters = g->counters,
		.counters_n = links_n,
		.drops = g->drops,
		.drops_n = WIRE_REASONS,
		.flows_n = SIZE_MAX
	};
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

	json_array_foreach(links, i, link) n += json_array_size(json_object_get(link, "sizes"));
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
		g->sessions[i].value = (struct session_value){ .received = 1000000000, .bytes = 1000000000000 };
	for (size_t i = 0; i < 40; i++)
		g->tallies[i].value = (struct tally_value){ .count = 100000 };
	g->snap.sessions_n = 200;
	g->snap.tallies_n = 40;
	g->snap.drops_n = 20;
	root = ecs_counters(&g->snap);
	json_object_foreach(counters_list(root, "omitted"), key, value) if (json_integer_value(value))
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

		for (int cap = 0; cap <= n; cap += cap < n - 64 ? 1009 : 1) {
			record[cap] = '#';
			assert_int_equal(sink->counters(record, (size_t)cap, &g->snap, NOON, &verbose),
					 cap < n ? -ENOSPC : n);
			assert_int_equal(record[cap], '#');
		}
	}
	free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_counters_fit),
		cmocka_unit_test(the_largest_entries_are_kept),
		cmocka_unit_test(an_ordinary_gateway_is_complete),
		cmocka_unit_test(a_small_buffer_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
