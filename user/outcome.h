/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an analysis has come to, as an exit status: for the commands that observe or replay. */
#ifndef MTUSCOPE_OUTCOME_H
#define MTUSCOPE_OUTCOME_H

#include "analysis.h"
#include "options.h"

/* Says on stderr why, where it could not tell. */
enum exit_status outcome_of(size_t opened, enum finding_severity worst, const uint64_t losses[WIRE_LOSSES],
			    const char *command);
enum exit_status outcome(const struct analysis *a, const uint64_t losses[WIRE_LOSSES], const char *command);

#endif
