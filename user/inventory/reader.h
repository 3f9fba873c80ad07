/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is behind struct inventory_reader of inventory.h. Used by the files that define functions of inventory.h only. */
#ifndef MTUSCOPE_READER_H
#define MTUSCOPE_READER_H

#include "netlink.h"

struct inventory_reader {
	struct netlink *route;
	struct netlink *genl;
	struct mnl_socket *events;
};

#endif
