/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Observing by the clock until the end, which the commands watch and record share. In cmd_watch.c. */
#ifndef MTUSCOPE_WATCH_H
#define MTUSCOPE_WATCH_H

#include "options.h"

/* Records to opt->record if that is given. `reports`: findings and statuses are written as well. */
enum exit_status watch_run(const struct options *opt, const char *command, bool reports);

#endif
