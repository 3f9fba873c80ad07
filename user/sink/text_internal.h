/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the lines for a person have in common: defined in text.c, used by text_*.c and the page. */
#ifndef MTUSCOPE_TEXT_INTERNAL_H
#define MTUSCOPE_TEXT_INTERNAL_H

#include "finding.h"
#include "format.h"

#define INDENT	      "          " /* as wide as the time and the gap after it */
#define KEY_SHOWN     8		   /* characters of a public key: enough to tell peers apart */
#define COLOR_NEUTRAL "\033[1m"

/* "10:41:07  CRITICAL  ": the word in capitals. */
void text_first_columns(struct out *o, int64_t realtime_ms, const char *word, const char *color, bool with_color);

struct joint_result;

/* Lines under the last one: what was sent at one end and came to the other. */
void text_joint(struct out *o, const struct joint_result *j);

/* Parts of a line: "path MTU at least 1500, below 1516 (outer)", nothing if no bracket is known; and of our own words alone. */
void out_path_mtu(struct out *o, const struct finding *f);
void out_confidence(struct out *o, const struct finding *f); /* "confidence 0.97" */
void out_at(struct out *o, const struct ip_endpoint *e);     /* "at 192.0.2.1:51820" */
void out_evidence(struct out *o, const struct evidence *e);
void out_flow(struct out *o, const struct finding_flow *flow);

#endif
