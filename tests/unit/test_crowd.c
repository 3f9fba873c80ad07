/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Beside hundreds of connections that stall, more than a path's ledger holds, or never were, a new one that stalls is told of
 * as soon as if it were alone.
 */
#include <string.h>

#include "stalled_mail.h"

#define CROWD 300 /* more stalled flows than a path's ledger holds */

/* A flow of which nothing has come back yet since the programs look. */
static struct wire_flow *unheard_flow(const char *remote, uint8_t flags)
{
	struct wire_flow *f = scene_flow(&s, remote), seen = *f;

	*f = (struct wire_flow){ .tag = seen.tag,
				 .ifindex = seen.ifindex,
				 .family = seen.family,
				 .protocol = seen.protocol,
				 .flags = flags | WIRE_FLOW_TX_KNOWN,
				 .headers = seen.headers,
				 .first_ms = seen.first_ms,
				 .last_tx_ms = seen.last_tx_ms,
				 .last_rx_ms = seen.last_rx_ms,
				 .local_port = seen.local_port,
				 .remote_port = seen.remote_port };
	memcpy(f->local, seen.local, sizeof(f->local));
	memcpy(f->remote, seen.remote, sizeof(f->remote));
	return f;
}

/* Beside a crowd that each `pause` ticks sends the same once more, a new connection begins to stall: it is told of within 5 s. */
static void assert_told_beside(uint8_t flags, uint16_t inner, unsigned int pause, unsigned int begins)
{
	struct wire_flow *crowd[CROWD], *fresh = NULL;

	start_over(8920, "192.0.2.1");
	for (size_t i = 0; i < CROWD; i++)
		crowd[i] = unheard_flow(i % 2 ? "10.1.0.9" : "10.1.0.8", flags);
	for (unsigned int tick = 0; tick < begins + 5 * SECOND; tick++) {
		for (size_t i = 0; i < CROWD; i++)
			if (tick % pause == i % pause)
				flow_tries(&s, crowd[i], inner);
		flow_delivers(&s, other, 100);
		if (tick == begins) {
			assert_int_equal(s.opened, 0);
			fresh = scene_flow(&s, "10.1.0.9");
		}
		if (fresh)
			scene_stall(&s, fresh, 8920, NULL, 1);
		else
			scene_tick(&s);
	}
	assert_int_equal(s.opened, 1);
}

/*
 * Who starts this program in the middle of it all: hundreds of connections have stalled for long and try again once a minute,
 * and their clients try anew.
 */
static void test_new_one_among_old_ones(void **state)
{
	(void)state;
	assert_told_beside(0, 8920, 60 * SECOND, 1);
	assert_told_beside(0, 8920, 60 * SECOND, 20 * SECOND);
	assert_told_beside(0, 8920, 60 * SECOND, 70 * SECOND);
}

/* Hundreds of hosts that are not there are asked for a connection meanwhile. */
static void test_new_one_among_syns(void **state)
{
	(void)state;
	assert_told_beside(WIRE_FLOW_SYN_TX, 60, 2 * SECOND, 10 * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		stalled_mail_test(test_new_one_among_old_ones),
		stalled_mail_test(test_new_one_among_syns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
