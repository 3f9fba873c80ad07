/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers to echo probes: ours are recognised, all others are not, whatever their bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "message.h"

#define LEN 200

static const struct echo_identity V4 = { .family = AF_INET, .id = 0x1234, .nonce = { 1, 2, 3, 4, 5, 6, 7, 8 } };
static const struct echo_identity V6 = { .family = AF_INET6, .id = 0x1234, .nonce = { 1, 2, 3, 4, 5, 6, 7, 8 } };

/* The request as the other side sends it back. */
static void reply(const struct echo_identity *e, uint8_t *m)
{
	echo_build(e, 7, m, LEN);
	m[0] = e->family == AF_INET6 ? 129 : 0;
}

static void test_checksum(void **state)
{
	uint32_t sum = 0;
	uint8_t m[LEN];

	(void)state;
	echo_build(&V4, 7, m, LEN);
	for (size_t i = 0; i < LEN; i += 2)
		sum += (uint32_t)(m[i] << 8 | m[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
}

static void test_ours(void **state)
{
	uint8_t m[LEN];

	(void)state;
	reply(&V4, m);
	assert_int_equal(echo_reply_seq(&V4, m, LEN), 7);
	reply(&V6, m);
	assert_int_equal(echo_reply_seq(&V6, m, LEN), 7);
	echo_build(&V4, 9, m, LEN);
	assert_int_equal(echo_quoted_seq(&V4, m, LEN), 9);
	assert_int_equal(echo_quoted_seq(&V4, m, ECHO_HEADER), 9);
}

static void test_not_ours(void **state)
{
	uint8_t m[LEN];

	(void)state;
	/* Each byte of what identifies it but the checksum and the sequence number. */
	for (size_t i = 0; i < ECHO_HEADER + ECHO_NONCE_LEN; i++) {
		if (i == 2 || i == 3 || i == 6 || i == 7)
			continue;
		reply(&V4, m);
		m[i] ^= 0x40;
		assert_int_equal(echo_reply_seq(&V4, m, LEN), -1);
		echo_build(&V4, 7, m, LEN);
		m[i] ^= 0x40;
		assert_int_equal(echo_quoted_seq(&V4, m, LEN), -1);
	}
	echo_build(&V4, 7, m, LEN);
	assert_int_equal(echo_reply_seq(&V4, m, LEN), -1);
	reply(&V6, m);
	assert_int_equal(echo_reply_seq(&V4, m, LEN), -1);
}

static void test_cut_short(void **state)
{
	uint8_t m[LEN];

	(void)state;
	reply(&V4, m);
	for (size_t n = 0; n < ECHO_HEADER + ECHO_NONCE_LEN; n++)
		assert_int_equal(echo_reply_seq(&V4, m, n), -1);
	echo_build(&V4, 7, m, LEN);
	for (size_t n = 0; n < ECHO_HEADER; n++)
		assert_int_equal(echo_quoted_seq(&V4, m, n), -1);
}

static void test_ipv4_header(void **state)
{
	uint8_t m[60] = { 0x45 };

	(void)state;
	assert_int_equal(ipv4_header_len(m, 60), 20);
	assert_int_equal(ipv4_header_len(m, 19), 0);
	m[0] = 0x4f;
	assert_int_equal(ipv4_header_len(m, 60), 60);
	assert_int_equal(ipv4_header_len(m, 59), 0);
	m[0] = 0x44;
	assert_int_equal(ipv4_header_len(m, 60), 0);
	m[0] = 0x65;
	assert_int_equal(ipv4_header_len(m, 60), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksum),  cmocka_unit_test(test_ours),	      cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_cut_short), cmocka_unit_test(test_ipv4_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
