/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gathers the scene of an audit: from netlink, /proc/sys and the configuration files. Called by the commands check and fix. */
#ifndef MTUSCOPE_GATHER_H
#define MTUSCOPE_GATHER_H

#include "audit/scene.h"

/*
 * The tunnels named, or all. 0, or -1 after saying on stderr why not. The caller frees the scene, which gather_free() allows
 * in both cases.
 */
int gather_scene(struct audit_scene *scene, const char *const *interfaces, size_t interfaces_n, const char *command);
void gather_free(struct audit_scene *scene);

#endif
