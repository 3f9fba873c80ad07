// SPDX-License-Identifier: GPL-2.0-or-later
/* One finding on the page, and its bracket as a picture; see html_internal.h. */
#include "html_internal.h"

#include <inttypes.h>
#include <string.h>

#include "text_internal.h"

#define PICTURE_WIDTH 720 /* units of the picture */
#define OVERHEAD_MOST 80  /* outer less inner, at most */

void out_html(struct out *o, const char *s, size_t size)
{
	static const char *const names[] = {
		['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;"
	};

	for (size_t i = 0; i < size && s[i];) {
		uint32_t code_point;
		size_t n = utf8_decode(s + i, size - i, &code_point);

		/* U+FFFE and U+FFFF are no characters of XML. */
		if (!n || (utf8_is_control(code_point) && code_point != '\n') || (code_point & 0xfffe) == 0xfffe)
			out_char(o, '?');
		else if (code_point < sizeof(names) / sizeof(names[0]) && names[code_point])
			out_string(o, names[code_point]);
		else
			out_bytes(o, s + i, n);
		i += n ? n : 1;
	}
}

void out_html_path(struct out *o, const struct finding *f)
{
	char key[FORMAT_KEY_LEN];

	out_html(o, f->interface, sizeof(f->interface));
	if (f->has_peer) {
		format_key(key, f->public_key);
		out_printf(o, ", peer <code title=\"%s\">%.*s...</code>, %s the peer", key, KEY_SHOWN, key,
			   f->direction == WIRE_TX ? "towards" : "from");
	} else {
		out_string(o, f->direction == WIRE_TX ? ", outgoing" : ", incoming");
	}
}

/* The largest size that the picture shows: what the tunnel may send, if that is known. */
static uint64_t picture_end(const struct finding *f)
{
	uint64_t end = (uint64_t)f->tunnel_mtu + OVERHEAD_MOST;

	if (f->path_mtu_upper > end)
		end = f->path_mtu_upper;
	if (f->path_mtu_lower > end)
		end = f->path_mtu_lower;
	return end + end / 20 + 1;
}

static unsigned int picture_x(uint64_t size, uint64_t end)
{
	return (unsigned int)(size * PICTURE_WIDTH / end);
}

static void picture_bar(struct out *o, const char *class, uint64_t from, uint64_t to, uint64_t end, const char *word)
{
	unsigned int x = picture_x(from, end), width = picture_x(to, end) - x;

	if (!width)
		return;
	out_printf(o, "<rect class=\"%s\" x=\"%u\" y=\"26\" width=\"%u\" height=\"24\"/>\n", class, x, width);
	if (width > 80)
		out_printf(o, "<text x=\"%u\" y=\"43\" text-anchor=\"middle\">%s</text>\n", x + width / 2, word);
}

/* A size with its number, above the bars or under them so that two close ones can be read. */
static void picture_size(struct out *o, uint32_t size, uint64_t end, bool above, const char *word)
{
	unsigned int x = picture_x(size, end);
	const char *anchor = x < PICTURE_WIDTH / 5 ? "start" : x > PICTURE_WIDTH * 4 / 5 ? "end" : "middle";

	out_printf(o, "<path d=\"M%u %uv34\"/>\n<text x=\"%u\" y=\"%u\" text-anchor=\"%s\">%s %" PRIu32 "</text>\n", x,
		   above ? 16 : 26, x, above ? 12 : 74, anchor, word, size);
}

static void picture(struct out *o, const struct finding *f, size_t number)
{
	uint32_t lower = f->path_mtu_lower, upper = f->path_mtu_upper;
	uint64_t end = picture_end(f);

	if (!lower && !upper)
		return;
	out_printf(
		o,
		"<svg role=\"img\" aria-labelledby=\"t%zu\" viewBox=\"-4 0 %u 80\">\n<title id=\"t%zu\">Outer sizes: ",
		number, PICTURE_WIDTH + 8, number);
	out_path_mtu(o, f);
	out_string(o, "</title>\n");
	picture_bar(o, "arrives", 0, lower, end, "arrive");
	picture_bar(o, "unknown", lower, upper ? upper : end, end, "not known");
	if (upper)
		picture_bar(o, "vanishes", upper, end, end, "vanish");
	if (lower)
		picture_size(o, lower, end, true, "up to");
	if (upper)
		picture_size(o, upper, end, false, "from");
	out_string(o, "</svg>\n");
}

static void sizes(struct out *o, const struct finding *f)
{
	out_string(o, "<p>");
	out_path_mtu(o, f);
	if (f->path_mtu_lower || f->path_mtu_upper)
		out_string(o, "; ");
	if (f->tunnel_mtu)
		out_printf(o, "tunnel MTU %" PRIu32 "; ", f->tunnel_mtu);
	if (f->recommended_mtu)
		out_printf(o, "<strong>set %" PRIu32 "</strong> (%s); ", f->recommended_mtu,
			   finding_basis_name(f->basis));
	out_confidence(o, f);
	out_string(o, "</p>\n");
}

static void peer(struct out *o, const struct finding *f)
{
	char key[FORMAT_KEY_LEN];

	if (!f->has_peer)
		return;
	format_key(key, f->public_key);
	out_printf(o, "<p>Peer <code>%s</code> ", key);
	out_at(o, &f->endpoint);
	out_string(o, "</p>\n");
}

static void evidence(struct out *o, const struct finding *f)
{
	if (!f->evidence_n && !f->flows_n)
		return;
	out_string(o, "<details open=\"open\"><summary>Evidence</summary><ul>\n");
	for (size_t i = 0; i < at_most(f->evidence_n, FINDING_EVIDENCE_MAX); i++) {
		out_string(o, "<li>");
		out_evidence(o, &f->evidence[i]);
		out_string(o, "</li>\n");
	}
	for (size_t i = 0; i < at_most(f->flows_n, FINDING_FLOWS_MAX); i++) {
		out_string(o, "<li>");
		out_flow(o, &f->flows[i]);
		out_string(o, "</li>\n");
	}
	out_string(o, "</ul></details>\n");
}

static void cure(struct out *o, const struct finding *f)
{
	if (!f->fixes_n)
		return;
	out_string(o, "<h4>Cure</h4>\n<pre class=\"cure\">");
	for (size_t i = 0; i < at_most(f->fixes_n, FINDING_FIXES_MAX); i++) {
		out_html(o, f->fix[i], sizeof(f->fix[i]));
		out_char(o, '\n');
	}
	out_string(o, "</pre>\n");
}

void out_html_finding(struct out *o, const struct finding *f, size_t number)
{
	bool resolved = f->state == FINDING_RESOLVED;
	char first[FORMAT_TIME_LEN], last[FORMAT_TIME_LEN];

	out_printf(o, "<article class=\"%s\" id=\"f%zu\">\n<h3>%s: %s",
		   resolved ? "resolved" : finding_severity_name(f->severity), number,
		   resolved ? "resolved" : finding_severity_name(f->severity), finding_class_name(f->class));
	out_string(o, ", ");
	out_html_path(o, f);
	out_string(o, "</h3>\n<p>");
	out_html(o, f->message, sizeof(f->message));
	out_string(o, "</p>\n");
	picture(o, f, number);
	sizes(o, f);
	peer(o, f);
	format_time(first, f->first_seen_ms);
	format_time(last, f->last_seen_ms);
	out_printf(o, "<p>First seen <time>%s</time>, last <time>%s</time></p>\n", first, last);
	evidence(o, f);
	cure(o, f);
	out_string(o, "</article>\n");
}
