/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `fix` has done to an interface, so that --undo can take it back: a small file for each network namespace and interface.
 * It is written before anything is done.
 */
#ifndef MTUSCOPE_FIX_RECORD_H
#define MTUSCOPE_FIX_RECORD_H

#include <limits.h>
#include <stdint.h>

#include "inventory.h"

#define FIX_DIR "/var/lib/mtuscope"

#define FIX_ROUTES_MAX 64

/* A route whose MTU was changed; ROUTE_ABSENT: there was none. */
struct fix_route {
	struct allowed_ip to;
	uint32_t before, after;
};

struct fix_record {
	struct fix_route routes[FIX_ROUTES_MAX];
	size_t routes_n;
	uint32_t mtu_before, mtu_after;
	uint32_t config_mtu;   /* what was written into the file */
	char config[PATH_MAX]; /* "": no file was touched */
	char backup[PATH_MAX];
};

/* Makes the directory, and keeps other runs out until the process ends. 0 or -errno, -EWOULDBLOCK: another one runs. */
int fix_record_lock(void);

/* 0; when loading also -ENOENT: nothing was done to it, and -EBADMSG: not a record; or another -errno. */
int fix_record_load(struct fix_record *record, const char *interface);
int fix_record_save(const struct fix_record *record, const char *interface);
int fix_record_remove(const char *interface);

#endif
