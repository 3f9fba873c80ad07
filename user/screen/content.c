// SPDX-License-Identifier: GPL-2.0-or-later
/* What the full screen shows, as lines; see lines.h. Names are made harmless by the text sink, and here to ASCII. */
#include "lines.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "sink.h"
#include "totals.h"

#define KEY_SHOWN    8
#define INDENT_WIDTH 10 /* of the text sink's lines after the first */

void lines_free(struct lines *l)
{
	free(l->at);
	*l = (struct lines){ 0 };
}

static void add(struct lines *l, enum ink ink, const char *text, size_t len)
{
	struct line *line;

	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 32;

		line = realloc(l->at, cap * sizeof(*line));
		if (!line)
			return;
		l->at = line;
		l->cap = cap;
	}
	line = &l->at[l->n++];
	line->ink = ink;
	len = at_most(len, LINE_MAX_LEN - 1);
	for (size_t i = 0; i < len; i++)
		line->text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	line->text[len] = '\0';
}

/* How much of a text fits: up to a blank if there is one in its second half. */
static size_t fitting(const char *text, size_t len, size_t width)
{
	if (len <= width)
		return len;
	for (size_t i = width; i > width / 2; i--)
		if (text[i] == ' ')
			return i;
	return width;
}

/* The lines of a record, broken; what goes on is indented like the rest. */
static void add_text(struct lines *l, enum ink ink, const char *text, size_t len, int width)
{
	size_t room = width > 2 * INDENT_WIDTH ? (size_t)width - INDENT_WIDTH : 2 * INDENT_WIDTH;

	while (len) {
		const char *newline = memchr(text, '\n', len);
		size_t whole = newline ? (size_t)(newline - text) : len, taken;

		taken = fitting(text, whole, room + INDENT_WIDTH);
		add(l, ink, text, taken);
		while (taken < whole) {
			char more[LINE_MAX_LEN];
			size_t n;

			while (taken < whole && text[taken] == ' ')
				taken++;
			n = fitting(text + taken, whole - taken, at_most(room, sizeof(more) - INDENT_WIDTH));
			memset(more, ' ', INDENT_WIDTH);
			memcpy(more + INDENT_WIDTH, text + taken, n);
			add(l, INK_PLAIN, more, INDENT_WIDTH + n);
			taken += n;
		}
		ink = INK_PLAIN;
		len -= whole + (newline ? 1 : 0);
		text += whole + (newline ? 1 : 0);
	}
}

/* A record of the text sink; its buffer is the caller's. */
static struct sink_options plain(int verbose)
{
	return (struct sink_options){ .verbose = verbose };
}

void lines_status(struct lines *l, const struct status *s, int64_t realtime_ms, int width, int height)
{
	const struct sink_options options = plain(0);
	char *text = malloc(SINK_RECORD_MAX);
	int len = text ? sink_named("text")->status(text, SINK_RECORD_MAX, s, realtime_ms, &options) : 0;

	l->n = 0;
	if (len > 0)
		add_text(l, s->state == STATUS_DEGRADED ? INK_WARNING : INK_HEAD, text, (size_t)len, width);
	l->n = at_most(l->n, height > 0 ? (size_t)height : 0);
	free(text);
}

/* The bracket that a finding has of this path; NULL: none is known. */
static const struct finding *bracket_of(const struct shown *shown, size_t n, const struct peer *p, int direction)
{
	for (size_t i = 0; i < n; i++)
		if (shown[i].f.state != FINDING_RESOLVED && shown[i].f.has_peer &&
		    (int)shown[i].f.direction == direction &&
		    (shown[i].f.path_mtu_lower || shown[i].f.path_mtu_upper) &&
		    !memcmp(shown[i].f.public_key, p->public_key, WG_KEY_LEN))
			return &shown[i].f;
	return NULL;
}

static void add_peer(struct lines *l, const struct link *tunnel, const struct peer_total *t, int direction,
		     const struct finding *f)
{
	const struct direction_total *d = &t->direction[direction];
	uint64_t all = d->packets + d->lost;
	char key[FORMAT_KEY_LEN], text[LINE_MAX_LEN];
	enum ink ink = !f ? INK_PLAIN : f->severity == SEVERITY_CRITICAL ? INK_CRITICAL : INK_WARNING;
	struct out o;

	out_init(&o, text, sizeof(text));
	out_safe(&o, tunnel ? tunnel->name : "?", IFACE_NAME_LEN);
	while (o.len < 16)
		out_char(&o, ' ');
	format_key(key, t->peer->public_key);
	out_printf(&o, "%.*s... %-4s %6" PRIu32 " %10" PRIu64 " %5u.%u%% %7" PRIu32, KEY_SHOWN, key,
		   direction_name(direction), tunnel ? tunnel->mtu : 0, d->packets,
		   all ? (unsigned int)(d->lost * 100 / all) : 0, all ? (unsigned int)(d->lost * 1000 / all % 10) : 0,
		   d->largest);
	if (f && f->path_mtu_exact)
		out_printf(&o, "  = %" PRIu32, f->path_mtu_lower);
	else if (f)
		out_printf(&o, "  >= %" PRIu32 ", < %" PRIu32, f->path_mtu_lower, f->path_mtu_upper);
	add(l, ink, text, o.len);
}

void lines_peers(struct lines *l, const struct snapshot *snap, const struct shown *shown, size_t shown_n, int height)
{
	static const char heading[] =
		"INTERFACE       PEER        WAY     MTU    PACKETS   LOST LARGEST  PATH MTU (OUTER)";
	struct totals totals;

	l->n = 0;
	if (height < 2 || totals_make(&totals, snap))
		return;
	add(l, INK_HEAD, heading, sizeof(heading) - 1);
	for (size_t i = 0; i < totals.peers_n && l->n < (size_t)height; i++) {
		const struct peer_total *t = &totals.peers[i];
		const struct link *tunnel = t->peer ? inventory_link(&snap->inventory, t->peer->tunnel_ifindex) : NULL;

		for (int d = WIRE_DIRECTIONS - 1; t->peer && d >= 0 && l->n < (size_t)height; d--)
			add_peer(l, tunnel, t, d, bracket_of(shown, shown_n, t->peer, d));
	}
	if (l->n == 1)
		add(l, INK_PLAIN, "no packet of a peer yet", 23);
	totals_free(&totals);
}

/* The order of showing: open ones first, then the worst, then the latest. */
static int by_urgency(const void *a, const void *b)
{
	const struct shown *x = *(const struct shown *const *)a, *y = *(const struct shown *const *)b;
	bool x_open = x->f.state != FINDING_RESOLVED, y_open = y->f.state != FINDING_RESOLVED;

	if (x_open != y_open)
		return y_open - x_open;
	if (x->f.severity != y->f.severity)
		return (int)y->f.severity - (int)x->f.severity;
	return (y->realtime_ms > x->realtime_ms) - (y->realtime_ms < x->realtime_ms);
}

static enum ink ink_of(const struct finding *f)
{
	if (f->state == FINDING_RESOLVED)
		return INK_RESOLVED;
	return f->severity == SEVERITY_CRITICAL ? INK_CRITICAL : INK_WARNING;
}

void lines_findings(struct lines *l, const struct shown *shown, size_t shown_n, int verbose, int width)
{
	const struct sink_options options = plain(verbose);
	const struct shown **order = calloc(shown_n + 1, sizeof(*order));
	char *text = malloc(SINK_RECORD_MAX);

	l->n = 0;
	for (size_t i = 0; order && i < shown_n; i++)
		order[i] = &shown[i];
	if (order)
		qsort(order, shown_n, sizeof(*order), by_urgency);
	for (size_t i = 0; order && text && i < shown_n; i++) {
		int len = sink_named("text")->finding(text, SINK_RECORD_MAX, &order[i]->f, order[i]->realtime_ms,
						      &options);

		if (len > 0)
			add_text(l, ink_of(&order[i]->f), text, (size_t)len, width);
	}
	if (!shown_n)
		add(l, INK_PLAIN, "no finding", 10);
	free(order);
	free(text);
}

void lines_foot(struct lines *l, const struct snapshot *snap)
{
	char text[LINE_MAX_LEN];
	uint64_t lost = 0;
	struct out o;

	l->n = 0;
	out_init(&o, text, sizeof(text));
	out_string(&o, "q quit, arrows scroll; lost: ");
	for (enum wire_loss i = 0; i < WIRE_LOSSES; i++) {
		if (snap->losses[i])
			out_printf(&o, "%s%" PRIu64 " %s", lost ? ", " : "", snap->losses[i], loss_name(i));
		lost += snap->losses[i];
	}
	if (!lost)
		out_string(&o, "nothing");
	add(l, INK_HEAD, text, o.len);
}
