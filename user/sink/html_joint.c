// SPDX-License-Identifier: GPL-2.0-or-later
/* What two recordings of one tunnel amount to, as tables on the page. See html.c. */
#include <inttypes.h>

#include "html_internal.h"
#include "joint.h"
#include "sentence.h"

static void row(struct out *o, const struct joint_row *r)
{
	out_printf(o,
		   "<tr><td>%" PRIu32 " to %" PRIu32 "</td><td class=\"number\">%" PRIu64
		   "</td><td class=\"number\">%" PRIu64 "</td><td class=\"number\">%" PRIu64 "</td></tr>\n",
		   r->from, r->to, r->sent, r->received, r->sent > r->received ? r->sent - r->received : 0);
}

void out_html_joint(struct out *o, const struct joint_result *j)
{
	out_printf(o, "<h2>Both ends</h2>\n<p>Together for %" PRIu64 " s.</p>\n", j->together_ms / 1000);
	for (int from = 0; from < JOINT_ENDS; from++) {
		const struct joint_way *w = &j->ways[from];

		out_printf(o, "<h3>%s the peer</h3>\n<p>", from ? "From" : "Towards");
		out_joint_way(o, j, from);
		out_string(o, "</p>\n");
		if (!w->rows_n)
			continue;
		out_string(o, "<table>\n<thead><tr><th scope=\"col\">Outer size</th><th scope=\"col\" "
			      "class=\"number\">Sent</th><th scope=\"col\" class=\"number\">Received</th><th "
			      "scope=\"col\" class=\"number\">Lost</th></tr></thead>\n<tbody>\n");
		for (size_t i = 0; i < at_most(w->rows_n, JOINT_ROWS); i++)
			row(o, &w->rows[i]);
		out_string(o, "</tbody>\n</table>\n");
	}
}
