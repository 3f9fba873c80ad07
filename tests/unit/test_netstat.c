// SPDX-License-Identifier: GPL-2.0-or-later
/* Finding a counter in /proc/net/netstat, whole or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel_internal.h"

static const char TEXT[] = "TcpExt: SyncookiesSent TCPMTUPFail TCPMTUPSuccess TCPLast\n"
			   "TcpExt: 1 22 18446744073709551615 4\n"
			   "IpExt: InNoRoutes TCPMTUPFail\n"
			   "IpExt: 5 6\n";

static void test_numbers_are_under_their_names(void **state)
{
	(void)state;
	assert_int_equal(netstat_value(TEXT, "TcpExt:", "SyncookiesSent"), 1);
	assert_int_equal(netstat_value(TEXT, "TcpExt:", "TCPMTUPFail"), 22);
	assert_int_equal(netstat_value(TEXT, "TcpExt:", "TCPMTUPSuccess"), UINT64_MAX);
	assert_int_equal(netstat_value(TEXT, "TcpExt:", "TCPLast"), 4);
	assert_int_equal(netstat_value(TEXT, "IpExt:", "TCPMTUPFail"), 6);
}

static void test_what_is_not_there_is_nothing(void **state)
{
	(void)state;
	assert_int_equal(netstat_value(TEXT, "TcpExt:", "TCPMTUP"), 0);
	assert_int_equal(netstat_value(TEXT, "TcpExt:", "InNoRoutes"), 0);
	assert_int_equal(netstat_value(TEXT, "MPTcpExt:", "TCPMTUPFail"), 0);
	assert_int_equal(netstat_value("", "TcpExt:", "TCPMTUPFail"), 0);
	assert_int_equal(netstat_value("TcpExt: A B\n", "TcpExt:", "B"), 0);
	assert_int_equal(netstat_value("TcpExt: A B\nTcpExt: 1\n", "TcpExt:", "B"), 0);
	assert_int_equal(netstat_value("TcpExt: A B\nTcpExt: 1", "TcpExt:", "B"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_are_under_their_names),
		cmocka_unit_test(test_what_is_not_there_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
