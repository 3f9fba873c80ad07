/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Too-big messages: which are told when, and their records. Run by `make check`. */
#include "sink_scene.h"

#define TOLD 256

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
	s->tallies[i] = (struct tally){
		.key = { .kind = WIRE_TALLY_TOO_BIG_RX, .aux = 1400, .ifindex = 2, .family = AF_INET, .port = 51820 },
		.value = { .count = count, .first_ms = 18000, .last_ms = 19000 }
	};
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

/* What differs only by interface is one story; what differs otherwise is not; the inside is known as such. */
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

static void one_story_too_many_is_told_as_it_is(void **state)
{
	static struct tally many[PTB_RECORDS_MAX + 1];
	struct ptb_log *log = ptb_log_new();
	struct scene s;
	struct told t;

	(void)state;
	scene_start(&s);
	s.snap.tallies = many;
	s.snap.tallies_n = PTB_RECORDS_MAX + 1;
	for (size_t i = 0; i <= PTB_RECORDS_MAX; i++) {
		many[i].key = (struct wire_tally_key){ .kind = WIRE_TALLY_TOO_BIG_TX, .family = AF_INET };
		many[i].key.remote[0] = (uint8_t)i;
		many[i].value.count = 1;
	}
	t = step(log, &s, 20000, true);
	assert_int_equal(t.n, PTB_RECORDS_MAX + 1);
	assert_int_equal(t.list[PTB_RECORDS_MAX].stories, 1);
	assert_int_equal(t.list[PTB_RECORDS_MAX].host.ip.bytes[0], PTB_RECORDS_MAX);
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
	assert_string_equal(text_ptb(&p),
			    "11:01:07  TOO BIG   10.0.0.1 is to be told that packets to 10.2.0.9 may have at"
			    " most 1420 bytes (inner packet), 1 message\n");
	p = example(PTB_RX);
	memcpy(p.interface, "\033[2J", 5);
	p.mtu = 0;
	assert_string_equal(text_ptb(&p),
			    "11:01:07  TOO BIG   198.51.100.1 says that packets to 192.0.2.1:51820 are too"
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
		cmocka_unit_test(ptb_is_told_at_once_and_then_together),
		cmocka_unit_test(ptb_stories_are_told_apart),
		cmocka_unit_test(a_flood_of_ptb_is_bounded),
		cmocka_unit_test(one_story_too_many_is_told_as_it_is),
		cmocka_unit_test(ecs_ptb_is_an_event),
		cmocka_unit_test(text_of_ptb),
		cmocka_unit_test(the_largest_ptb_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
