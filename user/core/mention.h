/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a configuration file of systemd-networkd, NetworkManager or ifupdown is about an interface. Pure. */
#ifndef MTUSCOPE_MENTION_H
#define MTUSCOPE_MENTION_H

#include "audit/scene.h"

bool mention_find(enum audit_manager manager, const char *text, size_t len, const char *interface);

#endif
