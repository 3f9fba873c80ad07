/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target (libFuzzer): arbitrary bytes become the fields of a finding, a status, a too-big message and a snapshot.
 * Whatever they are, ecs and ocsf must write one line that jansson parses (it refuses invalid UTF-8), cef and rfc5424 one
 * that their specifications allow, text and journal lines of valid UTF-8 without a control character. Needs user/sink/,
 * user/core/ and jansson.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../unit/lines.h"
#include "format.h"
#include "metrics.h"
#include "sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

/* The next n bytes of the input, zeroes after its end. */
static void take(struct input *in, void *to, size_t n)
{
	size_t have = at_most(n, in->size);

	memset(to, 0, n);
	if (have)
		memcpy(to, in->data, have);
	in->data += have;
	in->size -= have;
}

static uint64_t number(struct input *in, size_t bytes)
{
	uint64_t value = 0;

	take(in, &value, bytes);
	return value;
}

static struct ip_endpoint endpoint(struct input *in)
{
	static const uint8_t families[] = { 0, 2, 10, 99 };
	struct ip_endpoint e = { .ip.family = families[number(in, 1) % sizeof(families)] };

	take(in, e.ip.bytes, sizeof(e.ip.bytes));
	e.port = (uint16_t)number(in, 2);
	return e;
}

static void lists(struct input *in, struct finding *f)
{
	f->evidence_n = number(in, 1) % (FINDING_EVIDENCE_MAX + 2);
	f->flows_n = number(in, 1) % (FINDING_FLOWS_MAX + 2);
	f->fixes_n = number(in, 1) % (FINDING_FIXES_MAX + 2);
	for (size_t i = 0; i < at_most(f->evidence_n, FINDING_EVIDENCE_MAX); i++)
		f->evidence[i] = (struct evidence){
			.kind = (enum evidence_kind)number(in, 4),
			.count = number(in, 8),
			.min_size = (uint32_t)number(in, 4),
			.max_size = (uint32_t)number(in, 4),
		};
	for (size_t i = 0; i < at_most(f->flows_n, FINDING_FLOWS_MAX); i++) {
		f->flows[i].protocol = (uint8_t)number(in, 1);
		f->flows[i].source = endpoint(in);
		f->flows[i].destination = endpoint(in);
		f->flows[i].stalled_ms = (uint32_t)number(in, 4);
	}
	for (size_t i = 0; i < at_most(f->fixes_n, FINDING_FIXES_MAX); i++)
		take(in, f->fix[i], number(in, 1) % (FINDING_FIX_LEN + 1));
}

static void finding_make(struct input *in, struct finding *f)
{
	memset(f, 0, sizeof(*f));
	take(in, f->interface, sizeof(f->interface));
	take(in, f->message, number(in, 2) % (FINDING_MESSAGE_LEN + 1));
	take(in, f->id, number(in, 1) % (FINDING_ID_LEN + 1));
	f->class = (enum finding_class)number(in, 4);
	f->state = (enum finding_state)(number(in, 1) % 4);
	f->severity = (enum finding_severity)number(in, 1);
	take(in, &f->confidence, sizeof(f->confidence));
	f->tunnel_mtu = (uint32_t)number(in, 4);
	f->has_peer = number(in, 1) & 1;
	take(in, f->public_key, sizeof(f->public_key));
	f->endpoint = endpoint(in);
	f->direction = (enum wire_direction)number(in, 1);
	f->path_mtu_lower = (uint32_t)number(in, 4);
	f->path_mtu_upper = (uint32_t)number(in, 4);
	f->path_mtu_exact = number(in, 1) & 1;
	f->recommended_mtu = (uint32_t)number(in, 4);
	f->basis = (enum finding_basis)number(in, 1);
	f->first_seen_ms = (int64_t)number(in, 8);
	f->last_seen_ms = (int64_t)number(in, 8);
	lists(in, f);
}

static void status_make(struct input *in, struct status *s, struct link *link)
{
	*link = (struct link){ .ifindex = 1, .mtu = (uint32_t)number(in, 4), .role = (uint8_t)number(in, 1) };
	take(in, link->name, sizeof(link->name));
	s->state = (enum status_state)(number(in, 1) % 4);
	s->links = link;
	s->links_n = number(in, 1) & 1;
	s->hooks_n = number(in, 1) % 4;
	for (size_t i = 0; i < s->hooks_n; i++) {
		struct hook_status *h = &s->hooks[i];

		h->attached = number(in, 1) & 1;
		h->blinds = h->attached ? NULL : "packets";
		take(in, h->name, sizeof(h->name));
		take(in, h->how, sizeof(h->how));
		take(in, h->why_not, sizeof(h->why_not));
	}
	for (size_t i = 0; i < WIRE_LOSSES; i++)
		s->losses[i] = number(in, 8);
	s->findings_opened = number(in, 8);
	s->findings_open = number(in, 8);
}

/* Arrays of their own size, so that the sanitizer sees a step past their end. */
static void *array(struct input *in, size_t *n, size_t max, size_t size)
{
	void *list;

	*n = number(in, 2) % (max + 1);
	list = malloc(*n * size + 1);
	if (list)
		take(in, list, *n * size);
	return list;
}

static void counters_make(struct input *in, struct snapshot *snap)
{
	for (size_t i = 0; i < snap->counters_n; i++) {
		struct link_counters *c = &snap->counters[i];

		memset(c, 0, sizeof(*c));
		c->ifindex = i < snap->inventory.links_n ? snap->inventory.links[i].ifindex : (uint32_t)i;
		for (int d = 0; d < WIRE_DIRECTIONS; d++) {
			struct wire_counters *to = &c->direction[d];
			uint64_t fill = number(in, 8);

			take(in, to, offsetof(struct wire_counters, sizes));
			for (size_t k = number(in, 1); k < WIRE_SIZE_SLOTS; k++)
				to->sizes[k] = fill += k;
		}
	}
}

/* Sessions and tallies are bytes as they come; only the inventory keeps its promises (snapshot.h). */
static void snapshot_make(struct input *in, struct snapshot *snap)
{
	struct inventory *inv = &snap->inventory;

	memset(snap, 0, sizeof(*snap));
	snap->now_ms = (uint32_t)number(in, 4);
	snap->realtime_ms = (int64_t)number(in, 8) / 2;
	inv->links = array(in, &inv->links_n, WIRE_LINKS, sizeof(*inv->links));
	for (size_t i = 0; i < inv->links_n; i++) {
		struct link *l = &inv->links[i];

		*l = (struct link){ .ifindex = l->ifindex, .role = l->role, .listen_port = l->listen_port };
		take(in, l->name, sizeof(l->name));
	}
	inv->peers = calloc(4, sizeof(*inv->peers));
	inv->peers_n = number(in, 1) % 5;
	for (size_t i = 0; i < inv->peers_n; i++) {
		inv->peers[i].tunnel_ifindex = (uint32_t)number(in, 4);
		inv->peers[i].endpoint = endpoint(in);
	}
	snap->sessions = array(in, &snap->sessions_n, 64, sizeof(*snap->sessions));
	snap->tallies = array(in, &snap->tallies_n, 600, sizeof(*snap->tallies));
	snap->drops = array(in, &snap->drops_n, WIRE_REASONS, sizeof(*snap->drops));
	snap->counters = array(in, &snap->counters_n, 2 * WIRE_LINKS, sizeof(*snap->counters));
	counters_make(in, snap);
	snap->flows_n = number(in, 8);
	take(in, snap->losses, sizeof(snap->losses));
}

static void snapshot_drop(struct snapshot *snap)
{
	snap->flows = NULL;
	snapshot_free(snap);
}

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* One line, and an object that an independent parser takes. */
static void check_json(const char *record, int n)
{
	json_error_t error;
	json_t *root;

	must(n > 0 && memchr(record, '\n', (size_t)n) == record + n - 1);
	root = json_loadb(record, (size_t)n, JSON_REJECT_DUPLICATES, &error);
	must(json_is_object(root));
	json_decref(root);
}

static void check_text(const char *record, int n)
{
	json_t *text;

	must(n > 0 && record[n - 1] == '\n');
	for (int i = 0; i < n; i++)
		must(record[i] == '\n' || ((unsigned char)record[i] >= ' ' && record[i] != '\x7f'));
	text = json_stringn(record, (size_t)n); /* NULL if it is no UTF-8 */
	must(text != NULL);
	json_decref(text);
}

/* By the rules of the sink's format. */
static void check_record(const struct sink *sink, const char *record, int n)
{
	must(n > 0 && record[n - 1] == '\n');
	if (!strcmp(sink->name, "ecs") || !strcmp(sink->name, "ocsf")) {
		check_json(record, n);
		return;
	}
	check_text(record, n);
	if (!strcmp(sink->name, "cef"))
		must(line_is_one(record, (size_t)n) && cef_read(record, (size_t)n, NULL, NULL));
	if (!strcmp(sink->name, "rfc5424"))
		must(line_is_one(record, (size_t)n) && rfc5424_read(record, (size_t)n, NULL, NULL));
}

/* A buffer of its own, so that the sanitizer sees a byte past its end. */
static void too_small(const struct sink *sink, const struct finding *f, size_t cap)
{
	char *buf = malloc(cap);
	int n;

	must(buf || !cap);
	n = sink->finding(buf, cap, f, 0, NULL);
	must(n == -ENOSPC || (n > 0 && (size_t)n <= cap));
	free(buf);
}

static void check_ptb(const struct ptb *p, void *arg)
{
	struct sink_options verbose = { .verbose = 1 };
	const struct sink *sink;
	uint64_t *told = arg;
	char record[8192];

	for (size_t i = 0; (sink = sink_at(i)); i++)
		check_record(sink, record, sink->ptb(record, sizeof(record), p, p->last_seen_ms, &verbose));
	*told += p->count;
}

static uint64_t too_big_total(const struct snapshot *snap)
{
	uint64_t total = 0;

	for (size_t i = 0; i < snap->tallies_n; i++) {
		uint16_t kind = snap->tallies[i].key.kind;

		if (kind == WIRE_TALLY_TOO_BIG_RX || kind == WIRE_TALLY_TOO_BIG_TX || kind == WIRE_TALLY_TOO_BIG_MADE)
			total += snap->tallies[i].value.count;
	}
	return total;
}

static void check_metrics(const struct snapshot *snap, const struct finding *f, const struct status *s)
{
	static char text[1 << 20];
	struct metrics m = { .version = "1", .snap = snap, .status = s, .findings = f, .findings_n = 1 };

	check_text(text, metrics_format(text, sizeof(text), &m));
}

/* The largest record fits, and no too-big message is told twice or not at all. */
static void check_snapshot(struct input *in, const struct finding *f, const struct status *s)
{
	static char record[SINK_RECORD_MAX];
	struct sink_options verbose = { .verbose = 1 };
	struct ptb_log *log = ptb_log_new();
	const struct sink *sink;
	struct snapshot snap;
	uint64_t told = 0;

	snapshot_make(in, &snap);
	for (size_t i = 0; (sink = sink_at(i)); i++)
		check_record(sink, record, sink->counters(record, sizeof(record), &snap, snap.realtime_ms, &verbose));
	check_metrics(&snap, f, s);
	must(log && !ptb_log_step(log, &snap, false, check_ptb, &told));
	must(!ptb_log_step(log, &snap, true, check_ptb, &told));
	must(told == too_big_total(&snap));
	ptb_log_free(log);
	snapshot_drop(&snap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char record[SINK_RECORD_MAX];
	static struct finding f;
	static struct status s;
	const struct sink *sink;
	struct input in = { data, size };
	struct sink_options verbose = { .verbose = 1 };
	struct link link;
	int64_t realtime_ms = (int64_t)number(&in, 8);

	finding_make(&in, &f);
	status_make(&in, &s, &link);
	for (size_t i = 0; (sink = sink_at(i)); i++) {
		check_record(sink, record, sink->finding(record, sizeof(record), &f, realtime_ms, &verbose));
		check_record(sink, record, sink->status(record, sizeof(record), &s, realtime_ms, &verbose));
		too_small(sink, &f, number(&in, 2) % 4096);
	}
	check_snapshot(&in, &f, &s);
	return 0;
}
