/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a fuzz target holds to be true: CHECK(condition) is a crash for libFuzzer if it is not. */
#ifndef MTUSCOPE_FUZZ_CHECK_H
#define MTUSCOPE_FUZZ_CHECK_H

#include <stdlib.h>

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			abort();                                                                                       \
	} while (0)

#endif
