// SPDX-License-Identifier: GPL-2.0-or-later
/* nf_ct_frag6_expire: the same where conntrack reassembles IPv6; see expire.bpf.h. */
#define FUNCTION "nf_ct_frag6_expire"
#define FAMILY	 AF_INET6
#include "expire.bpf.h"
