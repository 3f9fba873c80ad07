/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files that find a step share: step.c asks step_tx.c and step_rx.c of each stalled flow whether it is a witness, and
 * puts the witnesses together.
 */
#ifndef MTUSCOPE_STEP_INTERNAL_H
#define MTUSCOPE_STEP_INTERNAL_H

#include "chance.h"
#include "step.h"

/* That chance does it: with the conditions of a witness less than one false alarm a year on a busy gateway. */
#define CHANCE_MAX 1e-4
/* That loss of all sizes has just risen instead of the path's MTU having sunk: both are rare. */
#define CHANCE_CHANGED 1e-3

#define TRIES_MIN      3    /* of one flow: less may be one burst of loss */
#define TRIES_BURST    2    /* of each further flow these count for nothing: one burst of loss takes both */
#define TRIES_HEARD    2    /* that many one outage must not explain */
#define ETHERNET_MTU   1500 /* beyond it no path on the Internet is to be expected to carry it */
#define SENT_BEFORE_MS 1000 /* an acknowledgement so soon after may be of what was sent before the path changed */

/* Whether the stall's size got through within the window before it began: at all, and on the path as it is. */
bool step_passed_lately(const struct ledger *l, const struct stall *s);
bool step_passed_before(const struct ledger *l, const struct stall *s);

/* What became of packets that were sent because one was lost. */
struct tried step_after_a_loss(const struct trials *t);

/*
 * What became of packets like the stall's, of which that is known of the large ones. What takes packets by their size takes one of half
 * the size at least half as often: each that has got through since the sender went over to smaller ones counts for the part that it is.
 */
struct tried step_tried_like(const struct ledger *l, const struct stall *s, const struct trials *large);

/*
 * The probability at most that it is a policer or a byte-counting queue. Where one in so many large packets is lost anyway there
 * is one, and a path that has changed as well is the rarer; a single one may have been lost by chance.
 */
double step_policed_max(const struct trials *large, bool before);

/*
 * Whether the stall bears witness that its size vanishes: chance would not do the same, the far host was alive, and it is
 * nothing else that stops a flow.
 */
bool step_witness_tx(const struct ledger *l, const struct stall *s, msec_t now_ms);
bool step_witness_rx(const struct ledger *l, const struct stall *s);

/* Whether it would be one if probes said that its size does not arrive. */
bool step_suspect_tx(const struct stall *s);
bool step_suspect_rx(const struct ledger *l, const struct stall *s);

#endif
