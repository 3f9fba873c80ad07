// SPDX-License-Identifier: GPL-2.0-or-later
/* See outcome.h. */
#include "outcome.h"

#include <stdio.h>

/* Finding nothing means something only if everything could be followed, and nothing found no room. */
static bool in_doubt(const uint64_t losses[WIRE_LOSSES], const char *command)
{
	uint64_t untold =
		losses[WIRE_LOSS_FLOW_REFUSED] + losses[WIRE_LOSS_SESSION_FULL] + losses[WIRE_LOSS_TALLY_FULL];

	if (untold)
		fprintf(stderr,
			"mtuscope %s: could not tell: there was no room to follow %llu flows, sessions or events\n",
			command, (unsigned long long)untold);
	return untold;
}

enum exit_status outcome_of(size_t opened, enum finding_severity worst, const uint64_t losses[WIRE_LOSSES],
			    const char *command)
{
	if (!opened || worst == SEVERITY_INFO)
		return in_doubt(losses, command) ? EXIT_UNKNOWN : EXIT_NOTHING;
	return worst == SEVERITY_CRITICAL ? EXIT_CRITICAL : EXIT_WARNING;
}

enum exit_status outcome(const struct analysis *a, const uint64_t losses[WIRE_LOSSES], const char *command)
{
	enum finding_severity worst;
	size_t opened = analysis_opened(a, &worst);

	return outcome_of(opened, worst, losses, command);
}
