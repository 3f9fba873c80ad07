/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a service says to its manager: sd_notify(3)'s protocol, without the library. Without a manager nothing happens. */
#ifndef MTUSCOPE_NOTIFY_H
#define MTUSCOPE_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", … */
void notify(const char *state);

/* How often the manager wants to hear "WATCHDOG=1"; 0: never. */
uint64_t notify_watchdog_ms(void);

#endif
