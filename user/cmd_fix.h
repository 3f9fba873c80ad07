/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command fix does to one tunnel, and how it says so. For cmd_fix.c and cmd_fix_print.c alone. */
#ifndef MTUSCOPE_CMD_FIX_H
#define MTUSCOPE_CMD_FIX_H

#include "fix.h"
#include "fix/record.h"
#include "options.h"
#include "recommend.h"

struct fix_job {
	const struct options *opt;
	const struct audit_scene *scene;
	const struct link *tunnel;
	const struct audit_config *config;
	const struct peer *peer; /* whose routes alone get the MTU; NULL: the interface */
	struct allowed_ip networks[FIX_ROUTES_MAX];
	size_t networks_n; /* of the peer, may be more than there is room for */
	char name[SHELL_WORD_LEN(IFACE_NAME_LEN)];
	struct fix_plan plan;
};

/* On stdout: commands, and all else as comments. */
void fix_print_plan(const struct fix_job *j);
void fix_print_undo(const struct fix_job *j, const struct fix_record *r);

#endif
