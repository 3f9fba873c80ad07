// SPDX-License-Identifier: GPL-2.0-or-later
/* ip6_fragment: IPv6 packets fragmented here; see ip_fragment.bpf.h. */
#define FUNCTION "ip6_fragment"
#include "ip_fragment.bpf.h"
