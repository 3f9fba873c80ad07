/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host that is told by too-big messages: whether it is told again and again. Part of a tally's value (tally.def). */
#ifndef MTUSCOPE_TOLD_BPF_H
#define MTUSCOPE_TOLD_BPF_H

#include "wire.h"

/*
 * Of all connections of the host to that destination one is followed: a host that listens is told once on each, however many
 * there are. The next one's turn comes when it has not been told for longer than TCP waits for its fifth retransmission.
 */
#define TOLD_OTHER_MS 4000
#define TOLD_SAME_MS  10000 /* SUBJECT_PAUSE_MS (user/core/ledger.h): what comes after that is another story */

static __always_inline void follow_connection(struct wire_tally *tally, __u8 protocol, __u32 connection, __u32 now_ms)
{
	bool same = tally->told_ticks && connection == tally->told_connection && protocol == tally->told_protocol;
	__u32 pause = now_ms - tally->told_last_ms;

	if (!tally->told_ticks || pause > (same ? TOLD_SAME_MS : TOLD_OTHER_MS)) {
		tally->told_connection = connection;
		tally->told_protocol = protocol;
		tally->told_first_ms = now_ms;
		tally->told_ticks = 1;
	} else if (!same) {
		return;
	} else if (pause && tally->told_ticks < 0xffff) {
		tally->told_ticks++;
	}
	tally->told_last_ms = now_ms;
}

#endif
