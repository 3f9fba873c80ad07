/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Confirms with probes: chooses an open path-blackhole that has not been probed yet and a host behind its peer,
 * has the path measured (user/probe/), and gives the result to the analysis. One finding at a time, each once, and again
 * when its path has become another, in all with at most PROBER_BUDGET probes. Where there is none, a flow that stalls is
 * suspected, and its host probed the same way. Called by watch.c.
 */
#ifndef MTUSCOPE_CONFIRM_H
#define MTUSCOPE_CONFIRM_H

#include "analysis.h"

struct confirm;

/* `command` is for what is said on stderr. NULL after saying there why. fn is called for the findings that probing changes. */
struct confirm *confirm_new(const char *command, struct analysis *analysis, finding_fn fn, void *arg);
void confirm_free(struct confirm *c);

/* The id of its echo requests. */
uint16_t confirm_echo_id(const struct confirm *c);

/* Probes sent so far. */
uint64_t confirm_sent(const struct confirm *c);

/* Begins with the next finding, if none is being probed. */
void confirm_choose(struct confirm *c, const struct inventory *inv);

/* Goes on with the present one: sends and receives, and never waits. */
void confirm_step(struct confirm *c);

#endif
