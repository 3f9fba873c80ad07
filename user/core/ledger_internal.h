/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of a ledger share: ledger.c, ledger_gaps.c and ledger_trials.c. */
#ifndef MTUSCOPE_LEDGER_INTERNAL_H
#define MTUSCOPE_LEDGER_INTERNAL_H

#include "ledger.h"

#define LATELY_MS    10000 /* loss that has risen shows in it, and it holds enough tries of a busy path to tell */
#define AT_TIMES_MAX 8.0   /* packets: as many as a time-out's repetitions, more of one moment tell hardly more */

/* What the path's traffic has shown, to read. */
static inline const struct history *history_of(const struct ledger *l)
{
	static const struct history nothing;

	return l->history ? l->history : &nothing;
}

/* What became of so many packets of one moment. Where some of them were lost it counts as if there had been AT_TIMES_MAX at most. */
static inline struct tried at_times(double lost, double passed)
{
	double part = lost > 0 && lost + passed > AT_TIMES_MAX ? AT_TIMES_MAX / (lost + passed) : 1.0;

	return (struct tried){ part * lost, part * passed };
}

#endif
