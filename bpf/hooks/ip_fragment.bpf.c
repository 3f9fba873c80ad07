// SPDX-License-Identifier: GPL-2.0-or-later
/* ip_do_fragment: IPv4 packets fragmented here; see ip_fragment.bpf.h. */
#define FUNCTION "ip_do_fragment"
#include "ip_fragment.bpf.h"
