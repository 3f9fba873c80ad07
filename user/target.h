/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PEER|ADDRESS as a person types it, and the interfaces and addresses that --from takes: looked up in an inventory.
 * Used by cmd_probe.c.
 */
#ifndef MTUSCOPE_TARGET_H
#define MTUSCOPE_TARGET_H

#include "measure.h"
#include "snapshot.h"

struct target {
	const struct link *tunnel; /* NULL: no peer's address, only an address */
	const struct peer *peer;   /* the same */
	struct measure_config measure;
};

enum target_error { TARGET_OK, TARGET_UNKNOWN, TARGET_AMBIGUOUS, TARGET_NO_HOST };

/*
 * A public key or a prefix of one of at least four characters; a peer's endpoint, with or without port; an address behind
 * a peer; or any other address. Points into the inventory.
 */
enum target_error target_find(struct target *t, const struct inventory *inv, const char *text);

bool target_is_link_local(const struct ip_address *ip);

/* True if the text is an address. */
bool target_address(struct ip_address *ip, const char *text);

#endif
