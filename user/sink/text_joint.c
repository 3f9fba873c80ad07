// SPDX-License-Identifier: GPL-2.0-or-later
/* What two recordings of one tunnel amount to, as tables under the last line of a report. See text.c. */
#include <inttypes.h>

#include "joint.h"
#include "sentence.h"
#include "text_internal.h"

static void row(struct out *o, const struct joint_row *r)
{
	char sizes[32];
	struct out s;

	out_init(&s, sizes, sizeof(sizes));
	out_printf(&s, r->from == r->to ? "%" PRIu32 : "%" PRIu32 " to %" PRIu32, r->from, r->to);
	out_printf(o, INDENT "%-16.*s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n", (int)s.len, sizes, r->sent,
		   r->received, r->sent > r->received ? r->sent - r->received : 0);
}

void text_joint(struct out *o, const struct joint_result *j)
{
	out_printf(o, INDENT "both ends saw the tunnel for %" PRIu64 ".%" PRIu64 " s; it is ", j->together_ms / 1000,
		   j->together_ms % 1000 / 100);
	for (int end = 0; end < JOINT_ENDS; end++) {
		out_safe(o, j->ends[end].interface, sizeof(j->ends[end].interface));
		out_printf(o, " %s, MTU %" PRIu32 "%s", end ? "there" : "here", j->ends[end].tunnel_mtu,
			   end ? "\n" : ", and ");
	}
	for (int from = 0; from < JOINT_ENDS; from++) {
		const struct joint_way *w = &j->ways[from];

		out_string(o, from ? INDENT "from the peer: " : INDENT "towards the peer: ");
		out_joint_way(o, j, from);
		out_char(o, '\n');
		if (w->rows_n)
			out_printf(o, INDENT "%-16s %12s %12s %12s\n", "SIZE (OUTER)", "SENT", "RECEIVED", "LOST");
		for (size_t i = 0; i < at_most(w->rows_n, JOINT_ROWS); i++)
			row(o, &w->rows[i]);
	}
}
