// SPDX-License-Identifier: GPL-2.0-or-later
/* mtuscope record: observes, and writes the snapshots to a file for `report`. */
#include "commands.h"
#include "watch.h"

enum exit_status cmd_record(const struct options *opt)
{
	struct options with_file = *opt;

	with_file.record = opt->operand;
	return watch_run(&with_file, "record", false);
}
