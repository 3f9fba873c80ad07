/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MTU in a wg-quick file: every byte but the MTU's survives, whatever the file looks like; and who else's files are
 * about an interface.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mention.h"
#include "wgquick.h"

static void assert_set(const char *before, const char *after)
{
	size_t len = strlen(before), n;
	char *out = malloc(len + WGQUICK_GROWTH), *in = malloc(len ? len : 1);

	memcpy(in, before, len); /* without a NUL, so that reading past the end shows */
	n = wgquick_set_mtu(in, len, 1440, out);
	assert_int_equal(n, strlen(after));
	assert_memory_equal(out, after, n);
	assert_int_equal(wgquick_mtu(out, n), n ? 1440 : 0);
	free(in);
	free(out);
}

static void test_value(void **state)
{
	(void)state;
	assert_set("[Interface]\nMTU = 8920\n[Peer]\n", "[Interface]\nMTU = 1440\n[Peer]\n");
	assert_set("[Interface]\nMTU=8920", "[Interface]\nMTU=1440");
	assert_set("[interface]\n\t mtu  =\t8920 \t# jumbo\n", "[interface]\n\t mtu  =\t1440 \t# jumbo\n");
	assert_set("[Interface]\r\nMTU = 8920\r\nPostUp = x\r\n", "[Interface]\r\nMTU = 1440\r\nPostUp = x\r\n");
	assert_set("[Interface]\nMTU =\n", "[Interface]\nMTU =1440\n");
	assert_set("[Interface]\nMTU = big\n", "[Interface]\nMTU = 1440\n");
	assert_set("[Interface]\nMTU = 12 34 # 5\n", "[Interface]\nMTU = 1440 # 5\n");
}

static void test_the_last_counts(void **state)
{
	(void)state;
	assert_set("[Interface]\nMTU = 1\nMTU = 2\n", "[Interface]\nMTU = 1\nMTU = 1440\n");
	assert_set("[Interface]\nMTU = 1\n[Peer]\nX = 1\n[Interface]\nMTU = 2\n[Peer]\n",
		   "[Interface]\nMTU = 1\n[Peer]\nX = 1\n[Interface]\nMTU = 1440\n[Peer]\n");
	assert_int_equal(wgquick_mtu("[Interface]\nMTU=1\nMTU=2", 23), 2);
}

static void test_no_value(void **state)
{
	(void)state;
	assert_set("[Interface]\nAddress = x\n", "[Interface]\nMTU = 1440\nAddress = x\n");
	assert_set("# hello\n\n[Peer]\nA = b\n[Interface]", "# hello\n\n[Peer]\nA = b\n[Interface]\nMTU = 1440");
	assert_set("[Interface]\r\nA = b\r\n", "[Interface]\r\nMTU = 1440\r\nA = b\r\n");
	assert_set("[Interface] # mine\nA = b", "[Interface] # mine\nMTU = 1440\nA = b");
}

/* What says MTU and is none. */
static void test_lookalikes(void **state)
{
	(void)state;
	assert_set("[Interface]\n# MTU = 9\nPostUp = ip link set wg0 mtu 9\n",
		   "[Interface]\nMTU = 1440\n# MTU = 9\nPostUp = ip link set wg0 mtu 9\n");
	assert_set("[Interface]\n[Peer]\nMTU = 9\n", "[Interface]\nMTU = 1440\n[Peer]\nMTU = 9\n");
	assert_set("MTU = 9\n[Interface]\n", "MTU = 9\n[Interface]\nMTU = 1440\n");
	assert_set("[Interface]\nXMTU = 9\nMTUX = 8\nM TU = 7\n",
		   "[Interface]\nMTU = 1440\nXMTU = 9\nMTUX = 8\nM TU = 7\n");
	assert_set("[Interface]\n#[Peer]\nMTU = 9\n", "[Interface]\n#[Peer]\nMTU = 1440\n");
	assert_set("[Peer]\nMTU = 9\n", "");
	assert_set("# [Interface]\n", "");
	assert_set("", "");
}

/* A long odd file: several hundred lines of what people and tools write, of which one changes. */
static void test_odd_file(void **state)
{
	static const char *const lines[] = { "# MTU = 9000",
					     "PostUp = echo MTU = 1",
					     "\tAddress=10.0.0.1/24",
					     "[Peer]",
					     "AllowedIPs = 0.0.0.0/0, ::/0",
					     "MTU = 77 # of a peer?",
					     "   ",
					     "PublicKey = =#=#",
					     "\xff\xfe = \x80",
					     "[Unknown Section]",
					     "mtu=1300",
					     "PreUp = ip link set %i mtu 9000; true",
					     "MTU\t=\t1500\t# of nobody" };
	char *text = calloc(1, 65536), *out = calloc(1, 65536 + WGQUICK_GROWTH);
	size_t len = 0, at, n;

	(void)state;
	len += (size_t)sprintf(text + len, "; old\r\n[Interface]\r\nListenPort = 1\r\n  MtU \t= ");
	at = len;
	len += (size_t)sprintf(text + len, "8920 # MTU = 1\r\n[Peer]\n");
	for (size_t i = 0; i < 500; i++)
		len += (size_t)sprintf(text + len, "%s%s", lines[i * 7 % 13], i % 3 ? "\n" : "\r\n");
	/* Again the interface's, with nothing that is an MTU, and no end of the last line. */
	len += (size_t)sprintf(text + len, "[INTERFACE]\n#MTU = 1\nPreUp = mtu = 2\n\tMTU\nMTUs = 3");
	n = wgquick_set_mtu(text, len, 1440, out);
	assert_int_equal(n, len);
	assert_memory_equal(out, text, at);
	assert_memory_equal(out + at, "1440", 4);
	assert_memory_equal(out + at + 4, text + at + 4, len - at - 4);
	free(text);
	free(out);
}

static void test_mtu(void **state)
{
	(void)state;
	assert_int_equal(wgquick_mtu("[Interface]\nMTU = 01420", 23), 1420);
	assert_int_equal(wgquick_mtu("[Interface]\nMTU = -1420", 23), 0);
	assert_int_equal(wgquick_mtu("[Interface]\nMTU = 99999999999", 29), 0);
	assert_int_equal(wgquick_mtu("[Interface]\nMTU", 15), 0);
}

static bool mentions(enum audit_manager manager, const char *text)
{
	return mention_find(manager, text, strlen(text), "wg0");
}

static void test_mentions(void **state)
{
	(void)state;
	assert_true(mentions(MANAGER_NETWORKD, "[NetDev]\nName=wg0\nKind=wireguard\n"));
	assert_true(mentions(MANAGER_NETWORKD, "[NetDev]\r\nName = wg0\r\n"));
	assert_false(mentions(MANAGER_NETWORKD, "[NetDev]\nName=wg01\n#Name=wg0\nDescription=Name=wg0\n"));
	assert_true(mentions(MANAGER_NETWORK_MANAGER, "[connection]\nid=x\ninterface-name=wg0"));
	assert_false(mentions(MANAGER_NETWORK_MANAGER, "[connection]\nid=wg0\ninterface-name=wg1\n"));
	assert_true(mentions(MANAGER_IFUPDOWN, "auto wg0\niface  wg0 inet static\n"));
	assert_false(mentions(MANAGER_IFUPDOWN, "auto wg0\niface wg00 inet static\nifacewg0\n# iface wg0 inet\n"));
	assert_false(mentions(MANAGER_IFUPDOWN, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_value),	 cmocka_unit_test(test_the_last_counts),
		cmocka_unit_test(test_no_value), cmocka_unit_test(test_lookalikes),
		cmocka_unit_test(test_odd_file), cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_mentions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
