/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the page share: html.c is the page, html_finding.c one finding on it. */
#ifndef MTUSCOPE_HTML_INTERNAL_H
#define MTUSCOPE_HTML_INTERNAL_H

#include "html.h"

/* "wg0, peer 2lNJHkRS..., towards the peer". */
void out_html_path(struct out *o, const struct finding *f);

/* The whole of it: sentence, bracket as a picture, evidence, flows, cure. `number` makes its names unique. */
void out_html_finding(struct out *o, const struct finding *f, size_t number);

void out_html_joint(struct out *o, const struct joint_result *j);

#endif
