// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: whatever an answer to a probe is made of, its parser stays within it; and whatever answers come, the search
 * keeps to its budget and its bracket is one. In: a byte that chooses, then a message or a list of answers.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"
#include "message.h"
#include "prober.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_message(uint8_t family, const uint8_t *data, size_t size)
{
	const struct echo_identity e = { .family = family };
	size_t header = ipv4_header_len(data, size);

	CHECK(header <= size);
	CHECK(echo_reply_seq(&e, data + header, size - header) <= 65535);
	CHECK(echo_quoted_seq(&e, data, size) <= 65535);
}

static void fuzz_search(uint8_t family, const uint8_t *data, size_t size)
{
	const struct prober_config c = { .tunnel_family = family, .control = 160, .max = 9000, .budget = 40 };
	const struct ip_address by = { .family = AF_INET };
	struct prober_order o;
	uint32_t now = 0, wait, most = c.max; /* this end takes */
	struct prober p;

	prober_start(&p, &c);
	for (size_t i = 0; i + 3 < size; i += 4) {
		now += data[i] * 16;
		for (uint32_t refused = 0; prober_next(&p, now, &o, &wait); refused++) {
			CHECK(o.outer <= c.max && o.seq < c.budget && refused < c.max);
			if (o.outer <= most)
				break;
			prober_refused(&p);
		}
		if (data[i + 1] & 1)
			prober_answered(&p, data[i + 1] >> 1, now);
		else if (data[i + 1] & 2)
			prober_too_big(&p, data[i + 1] >> 2, (uint32_t)data[i + 2] << 8 | data[i + 3], &by);
		else if (data[i + 1] & 4)
			most = (uint32_t)data[i + 2] << 8 | data[i + 3];
		CHECK(!prober_upper(&p) || prober_lower(&p) < prober_upper(&p));
	}
	CHECK(p.sent <= c.budget);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t family;

	if (!size)
		return 0;
	family = data[0] & 2 ? AF_INET6 : AF_INET;
	if (data[0] & 1)
		fuzz_message(family, data + 1, size - 1);
	else
		fuzz_search(family, data + 1, size - 1);
	return 0;
}
