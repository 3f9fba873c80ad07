/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Measurements to their end, for the commands that have nothing else to do meanwhile: probe and fix. */
#ifndef MTUSCOPE_MEASURING_H
#define MTUSCOPE_MEASURING_H

#include "audit/scene.h"
#include "measure.h"

/* Told whenever something may have become known; NULL: nobody is. */
typedef void (*measuring_fn)(const struct measure *m, void *arg);

/* Both ways, and beside the tunnel to the byte. m->result is what it came to. */
void measuring_run(struct measure *m, const struct measure_config *config, measuring_fn fn, void *arg);

/* Sets `measured` of the tunnel's ways that are answered; `only` NULL: of all its peers. */
void measuring_ways(struct audit_scene *scene, const struct link *tunnel, const struct peer *only);

#endif
