/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sink turns findings, status, too-big messages and counters into the bytes of one format. A sink formats into the
 * caller's buffer and knows nothing of where the bytes go. One file a sink (or more) and one line in sinks.def.
 */
#ifndef MTUSCOPE_SINK_H
#define MTUSCOPE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "finding.h"
#include "ptb.h"
#include "status.h"

#define SINK_RECORD_MAX 65536 /* bytes: no record of any format is longer */

struct sink_options {
	bool color;	      /* text only */
	int verbose;	      /* text: 1 adds evidence, flows and counters; journal: 1 adds counters */
	const char *version;  /* of mtuscope; NULL: not said */
	const char *hostname; /* for those formats whose records name their host; NULL: not said */
	long pid;	      /* the same; 0: not said */
};

/*
 * Each formatter writes one whole record, ending in a newline and without a NUL, to buf and returns its length in
 * bytes; or -ENOSPC if cap is too small (nothing useful is then in buf). `realtime_ms` is the record's Unix time.
 * `counters` returns 0 for "not wanted with these options", and -ENOMEM; it writes the largest entries of each list, as
 * many as fit into SINK_RECORD_MAX, and says how many it left out.
 */
struct sink {
	const char *name;
	int (*finding)(char *buf, size_t cap, const struct finding *f, int64_t realtime_ms,
		       const struct sink_options *opt);
	int (*status)(char *buf, size_t cap, const struct status *s, int64_t realtime_ms,
		      const struct sink_options *opt);
	int (*ptb)(char *buf, size_t cap, const struct ptb *p, int64_t realtime_ms, const struct sink_options *opt);
	int (*counters)(char *buf, size_t cap, const struct snapshot *snap, int64_t realtime_ms,
			const struct sink_options *opt);
	const char *description;
};

/* The sink of that name, NULL if there is none. Iterate with sink_at(0), sink_at(1), … until NULL. */
const struct sink *sink_named(const char *name);
const struct sink *sink_at(size_t i);

#endif
