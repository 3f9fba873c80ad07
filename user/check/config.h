/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who configures an interface, by the files that say so, and files as bytes. Used by gather.c and the command fix. */
#ifndef MTUSCOPE_CONFIG_H
#define MTUSCOPE_CONFIG_H

#include "audit/scene.h"

#define CONFIG_BYTES_MAX (1 << 20)

/* Sets all but ifindex: the manager that names the interface in its files, wg-quick if none else does and there is a file. */
void config_find(struct audit_config *config, const char *interface);

/* All of a file of at most CONFIG_BYTES_MAX bytes, which the caller frees; -EFBIG if there is more, or -errno. */
int config_load(const char *path, char **bytes, size_t *len);

#endif
