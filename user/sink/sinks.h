/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions of each sink in sinks.def, declared. Included by the sinks that define them and by sink.c, which
 * makes the table; everyone else goes through sink.h.
 */
#ifndef MTUSCOPE_SINKS_H
#define MTUSCOPE_SINKS_H

#include "sink.h"

#define SINK(name, description)                                                                                        \
	int sink_##name##_finding(char *buf, size_t cap, const struct finding *f, int64_t realtime_ms,                 \
				  const struct sink_options *opt);                                                     \
	int sink_##name##_status(char *buf, size_t cap, const struct status *s, int64_t realtime_ms,                   \
				 const struct sink_options *opt);                                                      \
	int sink_##name##_ptb(char *buf, size_t cap, const struct ptb *p, int64_t realtime_ms,                         \
			      const struct sink_options *opt);                                                         \
	int sink_##name##_counters(char *buf, size_t cap, const struct snapshot *snap, int64_t realtime_ms,            \
				   const struct sink_options *opt);
#include "sinks.def"
#undef SINK

#endif
