/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is behind struct inventory_reader of inventory.h. Used by the files that define functions of inventory.h only. */
#ifndef MTUSCOPE_READER_H
#define MTUSCOPE_READER_H

#include <stdbool.h>

#include "netlink.h"

struct inventory_reader {
	struct netlink *route;
	struct netlink *genl;
	struct mnl_socket *events;
	bool has_read;	       /* an inventory, at least once */
	unsigned int timeouts; /* inventories in a row for which a WireGuard daemon did not answer in time */
};

#endif
