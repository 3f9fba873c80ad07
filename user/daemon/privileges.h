/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving up privileges once everything is attached. What stays is CAP_NET_ADMIN: without it neither WireGuard's peers can be
 * read nor programs be attached to an interface that appears later; and CAP_NET_RAW for who is to send probes. Loading
 * programs is not possible any more.
 */
#ifndef MTUSCOPE_PRIVILEGES_H
#define MTUSCOPE_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

struct account {
	bool change; /* false: not root, so it stays who it is */
	uid_t uid;
	gid_t gid;
};

/* name NULL: mtuscope if there is such a user, else nobody. False if there is no such user. */
bool account_find(struct account *a, const char *name);

/* Becomes that user, with those capabilities alone (`probes`: CAP_NET_RAW as well). 0 or -errno. It cannot be undone. */
int privileges_drop(const struct account *a, bool probes);

#endif
