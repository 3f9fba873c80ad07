/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A record as a flat list of names and values, for formats that know no nested objects: the most important first, what
 * is unknown left out. Names are snake_case and those of the contract; of a list the second is called name_2.
 */
#ifndef MTUSCOPE_FIELDS_H
#define MTUSCOPE_FIELDS_H

#include <stddef.h>

#include "finding.h"
#include "ptb.h"
#include "status.h"

/* The value is at most `size` bytes or ends in a NUL, and may be anything: whoever writes it escapes it. */
typedef void (*field_fn)(const char *name, const char *value, size_t size, void *arg);

void fields_finding(const struct finding *f, field_fn fn, void *arg);
void fields_status(const struct status *s, field_fn fn, void *arg);
void fields_ptb(const struct ptb *p, field_fn fn, void *arg);
void fields_counters(const struct snapshot *snap, field_fn fn, void *arg);

#endif
