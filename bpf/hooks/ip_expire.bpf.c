// SPDX-License-Identifier: GPL-2.0-or-later
/* ip_expire: IPv4 fragments whose others never came; see expire.bpf.h. */
#define FUNCTION "ip_expire"
#define FAMILY	 AF_INET
#include "expire.bpf.h"
