/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands: each composes stages and is the only one to talk to the person. */
#ifndef MTUSCOPE_COMMANDS_H
#define MTUSCOPE_COMMANDS_H

#include "options.h"

#define COMMAND(name, takes, summary, description, statuses) enum exit_status cmd_##name(const struct options *opt);
#include "commands.def"
#undef COMMAND

#endif
