/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of the audit about clamps of the MSS: whether there is one, for which ways and families, and to what.
 */
#include "audit_scene.h"

static struct audit_iface is_wg0(void)
{
	return (struct audit_iface){ .match = AUDIT_IFACE_IS, .name_len = IFACE_NAME_LEN, .name = "wg0" };
}

static void test_clamp_missing(void **state)
{
	(void)state;
	scene.clamps_n = 0;
	only_status("clamp-missing", SEVERITY_INFO);
	assert_int_equal(audit_worst(&heard.result), SEVERITY_INFO);
	scene.sysctls[AUDIT_FORWARD_IPV4] = scene.sysctls[AUDIT_FORWARD_IPV6] = 0;
	assert_silent("clamp-missing");
	scene.sysctls[AUDIT_FORWARD_IPV4] = 1;
	assert_hits("clamp-missing");
	scene.filters_known = false;
	assert_silent("clamp-missing");
	scene.filters_known = true;
	/* A clamp for another tunnel is none. */
	scene.clamps_n = 1;
	clamps[0].out = is_wg0();
	clamps[0].out.name[2] = '9';
	clamps[0].in = clamps[0].out;
	assert_hits("clamp-missing");
	scene.iptables_legacy = true;
	only_status("iptables-legacy", SEVERITY_INFO);
}

static void test_clamp_one_way(void **state)
{
	(void)state;
	clamps[0].out = is_wg0();
	only("clamp-one-way", FINDING_MSS_TOO_LARGE);
	assert_non_null(strstr(heard.notes[0].finding.message, "enter wg0"));
	scene.clamps_n = 2;
	clamps[1] = (struct audit_clamp){ .ipv4 = true, .ipv6 = true, .in = is_wg0() };
	assert_silent("clamp-one-way");
	clamps[1].ipv6 = false;
	only("clamp-one-way", FINDING_MSS_TOO_LARGE);
	/* Out of a link that is not the tunnel, into one that is not: nothing left for the tunnel. */
	scene.clamps_n = 1;
	clamps[0].out.match = AUDIT_IFACE_IS_NOT;
	only("clamp-one-way", FINDING_MSS_TOO_LARGE);
	assert_non_null(strstr(heard.notes[0].finding.message, "leave wg0"));
	clamps[0].out = (struct audit_iface){ .match = AUDIT_IFACE_IS, .name_len = 2, .name = "wg" }; /* wg* */
	assert_hits("clamp-one-way");
	clamps[0].out = (struct audit_iface){ .match = AUDIT_IFACE_IS, .ifindex = WG0 };
	assert_hits("clamp-one-way");
	clamps[0].out = (struct audit_iface){ .match = AUDIT_IFACE_UNKNOWN };
	assert_silent("clamp-one-way");
}

static void test_clamp_one_family(void **state)
{
	(void)state;
	clamps[0].ipv6 = false;
	only("clamp-one-family", FINDING_MSS_TOO_LARGE);
	scene.inventory.allowed_ips_n = 1; /* no IPv6 in the tunnel */
	assert_silent("clamp-one-family");
	scene.inventory.allowed_ips_n = 2;
	scene.sysctls[AUDIT_FORWARD_IPV6] = 0;
	assert_silent("clamp-one-family");
}

static void test_clamp_too_large(void **state)
{
	(void)state;
	scene.clamps_n = 2;
	clamps[1] = (struct audit_clamp){ .ipv4 = true, .mss = 1381, .in = is_wg0() };
	only("clamp-too-large", FINDING_MSS_TOO_LARGE);
	clamps[1].mss = 1380;
	assert_silent("clamp-too-large");
	clamps[1].ipv6 = true;
	assert_hits("clamp-too-large");
	clamps[1].in.name[2] = '9';
	clamps[1].out = clamps[1].in;
	assert_silent("clamp-too-large");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_clamp_missing, setup),
		cmocka_unit_test_setup(test_clamp_one_way, setup),
		cmocka_unit_test_setup(test_clamp_one_family, setup),
		cmocka_unit_test_setup(test_clamp_too_large, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
