/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An observer: both kernel edges opened, attached and kept in step, for the commands that look at live traffic.
 * Errors are explained on stderr in one line.
 */
#ifndef MTUSCOPE_OBSERVER_H
#define MTUSCOPE_OBSERVER_H

#include "options.h"
#include "snapshot.h"
#include "status.h"

struct observer;

/* 0, or -1 after saying on stderr why it cannot observe. */
int observer_open(struct observer **observer, const struct options *opt, const char *command);
void observer_close(struct observer *observer);

/*
 * Takes the next snapshot (what it points to stays valid until the next call) and moves the programs' clock on. Reads the
 * inventory again if something changed or it is due. 0 or -errno.
 */
int observer_tick(struct observer *observer, struct snapshot *snap);

/* Echo messages with that id are our own probes, and are not to be taken for traffic. */
void observer_ignore_echo(struct observer *observer, uint16_t id);

/* The hooks, links and losses of now. */
void observer_status(struct observer *observer, struct status *status);

/* True once after the set of hooks or links has changed. */
bool observer_coverage_changed(struct observer *observer);

/* See kernel_is_shut_out(). */
bool observer_is_shut_out(const struct observer *observer);

/* See kernel_run_ns(). */
uint64_t observer_run_ns(const struct observer *observer);

#endif
