/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway as every command first sees it: its inventory, or one line on stderr that says why not. */
#ifndef MTUSCOPE_GATEWAY_H
#define MTUSCOPE_GATEWAY_H

#include "inventory.h"

/* A link that is no tunnel will do for GATEWAY_ANY_LINK, if it is named. */
enum gateway_need { GATEWAY_TUNNEL, GATEWAY_ANY_LINK, GATEWAY_NOTHING };

/*
 * Opens the reader and reads the inventory, which must have what is needed unless interfaces are named. 0, or -1 after
 * saying on stderr why not; the caller closes the reader and frees the inventory in both cases.
 */
int gateway_read(struct inventory_reader **reader, const struct inventory_options *options, struct inventory *inv,
		 enum gateway_need need, const char *command);

#endif
