/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of sinks, made from sinks.def: a name or an index enters, a sink leaves. Called by the commands.
 */
#include <string.h>

#include "sinks.h"

static const struct sink sinks[] = {
#define SINK(id, text) { #id, sink_##id##_finding, sink_##id##_status, sink_##id##_ptb, sink_##id##_counters, text },
#include "sinks.def"
#undef SINK
};

const struct sink *sink_at(size_t i)
{
	return i < sizeof(sinks) / sizeof(sinks[0]) ? &sinks[i] : NULL;
}

const struct sink *sink_named(const char *name)
{
	const struct sink *sink;

	for (size_t i = 0; (sink = sink_at(i)); i++)
		if (!strcmp(sink->name, name))
			break;
	return sink;
}
