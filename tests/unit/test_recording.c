/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recordings: what is written is read again, what is not sound is refused with its place, an end in the middle is
 * borne; and whatever snapshots are lost, doubled or swapped, nothing is said that the truth contradicts.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../recordings/golden.h"
#include "outer.h"
#include "recording.h"
#include "story.h"

#define SNAPSHOTS_MAX 1024
#define LOG_MAX	      64

/* A recording in memory, with the place of each snapshot. */
struct tape {
	unsigned char *bytes;
	size_t len, at;
	size_t start[SNAPSHOTS_MAX + 1];
	size_t n;
};

static void tape_append(struct tape *t, void *bytes, size_t len)
{
	assert_non_null(bytes);
	t->bytes = realloc(t->bytes, t->len + len);
	assert_non_null(t->bytes);
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
	free(bytes);
}

static void tape_start(struct tape *t)
{
	size_t len;
	void *header = recording_header(&len);

	memset(t, 0, sizeof(*t));
	tape_append(t, header, len);
	t->start[0] = t->len;
}

static void tape_sees(const struct snapshot *snap, void *arg)
{
	struct tape *t = arg;
	size_t len;
	void *bytes = recording_encode(snap, &len);

	assert_true(t->n < SNAPSHOTS_MAX);
	tape_append(t, bytes, len);
	t->start[++t->n] = t->len;
}

static long tape_read(void *arg, void *to, size_t len)
{
	struct tape *t = arg;

	if (len > t->len - t->at)
		len = t->len - t->at;
	memcpy(to, t->bytes + t->at, len);
	t->at += len;
	return (long)len;
}

struct log {
	struct finding findings[LOG_MAX];
	size_t n;
	struct lives lives;
};

static void log_finding(const struct finding *f, void *arg)
{
	struct log *l = arg;

	assert_null(finding_wrong(f));
	assert_null(life_wrong(&l->lives, f));
	assert_true(l->n < LOG_MAX);
	l->findings[l->n++] = *f;
}

/* Analyses all of it. Returns what recording_next() said last; *n: snapshots. */
static int replay(recording_read_fn read, void *arg, struct log *log, size_t *n, bool *truncated, char *why)
{
	struct analysis *a = analysis_new();
	struct recording_reader *r;
	struct snapshot snap;
	int more;

	memset(log, 0, sizeof(*log));
	*n = 0;
	assert_non_null(a);
	more = recording_reader_new(&r, read, arg, why);
	if (!more) {
		while ((more = recording_next(r, &snap, why)) > 0) {
			++*n;
			assert_int_equal(analysis_step(a, &snap, log_finding, log), 0);
			snapshot_free(&snap);
		}
		*truncated = recording_truncated(r);
		recording_reader_free(r);
	}
	analysis_free(a);
	return more;
}

static int replay_tape(struct tape *t, struct log *log, size_t *n, bool *truncated, char *why)
{
	t->at = 0;
	return replay(tape_read, t, log, n, truncated, why);
}

static struct tape tape;
static struct story hole;
static char why[RECORDING_WHY_LEN];

static int start(void **state)
{
	(void)state;
	hole = story_draw(24, story_kind_named("hole"));
	tape_start(&tape);
	assert_int_equal(story_tell(&hole, tape_sees, &tape).end, STORY_RIGHT);
	return 0;
}

static int end(void **state)
{
	(void)state;
	free(tape.bytes);
	return 0;
}

static void test_what_is_written_is_read(void **state)
{
	static struct log log;
	bool truncated;
	size_t n;

	(void)state;
	assert_int_equal(replay_tape(&tape, &log, &n, &truncated, why), 0);
	assert_int_equal(n, tape.n);
	assert_false(truncated);
	assert_true(log.n > 0);
	for (size_t i = 0; i < log.n; i++)
		assert_null(story_contradicts(&hole, &log.findings[i]));
}

/* Wherever it ends, what came before counts. */
static void test_an_end_in_the_middle(void **state)
{
	static struct log log, whole;
	const size_t len = tape.len;
	bool truncated;
	size_t n, all, cut = 0;

	(void)state;
	replay_tape(&tape, &whole, &all, &truncated, why);
	for (tape.len = tape.start[0]; tape.len < len; tape.len += 4999) {
		assert_int_equal(replay_tape(&tape, &log, &n, &truncated, why), 0);
		while (tape.start[cut + 1] <= tape.len)
			cut++;
		assert_int_equal(n, cut);
		assert_int_equal(truncated, tape.start[cut] != tape.len);
		assert_true(log.n <= whole.n);
		for (size_t i = 0; i < log.n; i++)
			assert_string_equal(log.findings[i].message, whole.findings[i].message);
	}
	tape.len = tape.start[0] - 1;
	assert_int_equal(replay_tape(&tape, &log, &n, &truncated, why), -EBADMSG);
	tape.len = len;
}

static void assert_refused(size_t at, unsigned char value, const char *what)
{
	static struct log log;
	unsigned char before = tape.bytes[at];
	bool truncated;
	size_t n;

	tape.bytes[at] = value;
	assert_int_equal(replay_tape(&tape, &log, &n, &truncated, why), -EBADMSG);
	assert_non_null(strstr(why, what));
	tape.bytes[at] = before;
}

static void test_what_is_not_sound_is_refused(void **state)
{
	struct snapshot snap = { 0 };
	struct link link = { .name = "wg0" };
	struct allowed_ip allowed = { .peer = 1 };
	struct log *log = calloc(1, sizeof(*log));
	bool truncated;
	size_t n;

	(void)state;
	assert_refused(0, 'x', "is not a recording of mtuscope");
	assert_refused(8, 99, "another version");
	assert_refused(12, 1, "another kind of machine");
	assert_refused(16, 1, "another version");
	assert_refused(tape.start[2], 1, "length");
	assert_refused(tape.start[2] + 3, 0xff, "snapshot 3");
	free(tape.bytes);

	memset(&link.up, 7, 1);
	snap.inventory.links = &link;
	snap.inventory.links_n = 1;
	tape_start(&tape);
	tape_sees(&snap, &tape);
	assert_int_equal(replay_tape(&tape, log, &n, &truncated, why), -EBADMSG);
	assert_non_null(strstr(why, "a link makes no sense"));
	free(tape.bytes);

	snap = (struct snapshot){ .inventory.allowed_ips = &allowed, .inventory.allowed_ips_n = 1 };
	tape_start(&tape);
	tape_sees(&snap, &tape);
	assert_int_equal(replay_tape(&tape, log, &n, &truncated, why), -EBADMSG);
	assert_non_null(strstr(why, "an allowed IP makes no sense"));
	free(log);
}

/* Snapshots of a recording: some left out, some twice, some in each other's place. */
static void shuffle(const struct tape *from, struct tape *to, uint64_t seed)
{
	double lost = random_below(&seed, 8) / 10.0;
	size_t upto = 1 + random_below(&seed, (uint32_t)from->n);

	memset(to, 0, sizeof(*to));
	to->bytes = malloc(2 * from->len);
	assert_non_null(to->bytes);
	memcpy(to->bytes, from->bytes, from->start[0]);
	to->len = from->start[0];
	for (size_t i = 0; i < upto; i++) {
		size_t which = random_true(&seed, 0.1) ? random_below(&seed, (uint32_t)from->n) : i;
		size_t len = from->start[which + 1] - from->start[which];

		for (int times = random_true(&seed, 0.1) ? 2 : 1; times > 0 && !random_true(&seed, lost); times--) {
			if (to->len + len > 2 * from->len)
				return;
			memcpy(to->bytes + to->len, from->bytes + from->start[which], len);
			to->len += len;
		}
	}
}

static void test_lost_and_swapped_snapshots_contradict_nothing(void **state)
{
	static const char *const kinds[] = { "hole", "policer", "outage", "loss rises", "reordering", "two hosts die" };
	static struct log log;
	struct tape other;
	bool truncated;
	size_t n;

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (uint64_t seed = 1; seed <= 4; seed++) {
			const struct story s = story_draw(seed, story_kind_named(kinds[k]));

			free(tape.bytes);
			tape_start(&tape);
			story_tell(&s, tape_sees, &tape);
			for (uint64_t i = 0; i < 8; i++) {
				shuffle(&tape, &other, 100 * seed + i);
				assert_int_equal(replay_tape(&other, &log, &n, &truncated, why), 0);
				for (size_t f = 0; f < log.n; f++) {
					const char *wrong = story_contradicts(&s, &log.findings[f]);

					if (wrong)
						fail_msg("%s %u.%u: %s: \"%s\"", kinds[k], (unsigned int)seed,
							 (unsigned int)i, wrong, log.findings[f].message);
				}
				free(other.bytes);
			}
		}
	}
}

/* Those that lie in the repository. After a change of what a snapshot holds: make recordings. */
static void test_golden_recordings(void **state)
{
	static struct log log;

	(void)state;
	for (size_t i = 0; i < GOLDEN_N; i++) {
		const struct story s = story_draw(GOLDEN[i].seed, story_kind_named(GOLDEN[i].kind));
		struct recording_file *file;
		bool truncated;
		char path[128];
		size_t n;

		snprintf(path, sizeof(path), "tests/recordings/%s", GOLDEN[i].file);
		assert_int_equal(recording_open(&file, path), 0);
		if (replay(recording_file_read, file, &log, &n, &truncated, why))
			fail_msg("%s: %s; make recordings?", path, why);
		recording_close(file);
		assert_false(truncated);
		assert_int_equal(log.n > 0, s.hole);
		for (size_t f = 0; f < log.n; f++)
			assert_null(story_contradicts(&s, &log.findings[f]));
	}
}

/* The incident of the lab as its two ends recorded it: incident-gateway.sh. */
static const struct {
	const char *path;
	struct story truth;
} INCIDENT[] = {
	{ "tests/recordings/incident-gateway.rec",
	  { .hole = true, .family = AF_INET, .path_mtu = 1500, .direction = WIRE_TX } },
	{ "tests/recordings/incident-relay.rec",
	  { .hole = true, .family = AF_INET, .path_mtu = 1500, .direction = WIRE_RX } },
};

static const char *incident_contradicts(const struct story *truth, const struct finding *f)
{
	struct finding open = *f;

	if (f->state == FINDING_RESOLVED && f->tunnel_mtu + OUTER_OVERHEAD_IPV4 > truth->path_mtu)
		return "it is resolved before the cure";
	open.state = FINDING_OPEN;
	return story_contradicts(truth, &open);
}

static void assert_true_of_the_incident(struct tape *t, const struct story *truth, struct log *log, uint64_t seed)
{
	bool truncated;
	size_t n;

	assert_int_equal(replay_tape(t, log, &n, &truncated, why), 0);
	for (size_t i = 0; i < log->n; i++) {
		const char *wrong = incident_contradicts(truth, &log->findings[i]);

		if (wrong)
			fail_msg("%u: %s: \"%s\"", (unsigned int)seed, wrong, log->findings[i].message);
	}
}

static void tape_load(struct tape *t, const char *path)
{
	struct recording_file *file;
	struct recording_reader *r;
	struct snapshot snap;

	tape_start(t);
	assert_int_equal(recording_open(&file, path), 0);
	if (recording_reader_new(&r, recording_file_read, file, why))
		fail_msg("%s: %s; make recordings?", path, why);
	while (recording_next(r, &snap, why) > 0) {
		tape_sees(&snap, t);
		snapshot_free(&snap);
	}
	recording_reader_free(r);
	recording_close(file);
}

static void test_the_incident_is_told_as_it_was(void **state)
{
	static struct log log;

	(void)state;
	for (size_t k = 0; k < sizeof(INCIDENT) / sizeof(INCIDENT[0]); k++) {
		tape_load(&tape, INCIDENT[k].path);
		assert_true_of_the_incident(&tape, &INCIDENT[k].truth, &log, 0);
		assert_true(log.n >= 2);
		assert_int_equal(log.findings[0].state, FINDING_OPEN);
		assert_int_equal(log.findings[log.n - 1].state, FINDING_RESOLVED);
		for (size_t i = 0; i < log.n; i++)
			assert_int_equal(log.findings[i].class, FINDING_PATH_BLACKHOLE);
		for (size_t i = 1; i < log.n; i++)
			assert_string_equal(log.findings[i].id, log.findings[0].id);
		free(tape.bytes);
	}
}

static void test_the_incident_in_pieces_contradicts_nothing(void **state)
{
	static struct log log;
	struct tape other;

	(void)state;
	for (size_t k = 0; k < sizeof(INCIDENT) / sizeof(INCIDENT[0]); k++) {
		tape_load(&tape, INCIDENT[k].path);
		for (uint64_t seed = 1; seed <= 100; seed++) {
			shuffle(&tape, &other, seed);
			assert_true_of_the_incident(&other, &INCIDENT[k].truth, &log, seed);
			free(other.bytes);
		}
		free(tape.bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_written_is_read, start, end),
		cmocka_unit_test_setup_teardown(test_an_end_in_the_middle, start, end),
		cmocka_unit_test_setup_teardown(test_what_is_not_sound_is_refused, start, end),
		cmocka_unit_test_setup_teardown(test_lost_and_swapped_snapshots_contradict_nothing, start, end),
		cmocka_unit_test(test_golden_recordings),
		cmocka_unit_test(test_the_incident_is_told_as_it_was),
		cmocka_unit_test(test_the_incident_in_pieces_contradicts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
