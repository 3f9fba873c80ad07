// SPDX-License-Identifier: GPL-2.0-or-later
/* ip6_frag_expire: IPv6 fragments whose others never came; see expire.bpf.h. */
#define FUNCTION "ip6_frag_expire"
#define FAMILY	 AF_INET6
#include "expire.bpf.h"
