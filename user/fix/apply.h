/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does what a plan says, and takes it back. Called by the command fix, under fix_record_lock(). */
#ifndef MTUSCOPE_APPLY_H
#define MTUSCOPE_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

/* A wg-quick file as it is to become. */
struct fix_edit {
	char path[PATH_MAX]; /* without symbolic links */
	char *bytes;	     /* freed by the caller */
	size_t len;
	uint32_t mtu;
};

/* 0; -ENODATA: the file has no [Interface]; or -errno. */
int fix_edit_make(struct fix_edit *edit, const char *path, uint32_t mtu);

/*
 * Sets the interface's MTU, unless it is `mtu_now`, and replaces the file, unless edit is NULL. What was before is recorded
 * first. record: as it is afterwards. 0 or -errno.
 */
int fix_apply(struct fix_record *record, const char *interface, uint32_t mtu_now, uint32_t mtu,
	      const struct fix_edit *edit);

/* Leaves those of the networks that are not routed to another link, which a person has wanted so. 0 or -errno. */
int fix_routes_filter(const struct link *tunnel, struct allowed_ip *to, size_t *to_n);

/*
 * Sets the MTU of these routes into the interface, each to one of a peer's networks, adding those that are missing. What was
 * before is recorded first. 0; -E2BIG: more than FIX_ROUTES_MAX; or -errno.
 */
int fix_apply_routes(struct fix_record *record, const struct link *tunnel, const struct allowed_ip *to, size_t to_n,
		     uint32_t mtu);

enum fix_undo {
	UNDO_POSSIBLE,
	UNDO_NOTHING_DONE,
	UNDO_MTU_CHANGED,    /* somebody has set another MTU since, of the interface or a route */
	UNDO_CONFIG_CHANGED, /* somebody has edited the file since */
	UNDO_FAILED,	     /* the record or a file cannot be read */
};

/* Whether it can be taken back without taking back what others did; *record is what would be. */
enum fix_undo fix_undo_look(struct fix_record *record, const struct link *tunnel);

/* Takes it back: file, routes, MTU; and removes the record. 0 or -errno: what is left can be tried again. */
int fix_undo(const struct fix_record *record, const struct link *tunnel);

#endif
