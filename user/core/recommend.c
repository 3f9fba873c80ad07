// SPDX-License-Identifier: GPL-2.0-or-later
/* The cure of a finding; see recommend.h. */
#include "recommend.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "outer.h"

#define MTU_FLOOR   1280 /* inner; IPv6 needs it (RFC 8200, 5) */
#define MTU_MINIMUM 576	 /* inner; what every IPv4 host must take (RFC 791) */

static void fix_add(struct finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void fix_add(struct finding *f, const char *format, ...)
{
	va_list args;

	if (f->fixes_n == FINDING_FIXES_MAX)
		return;
	va_start(args, format);
	vsnprintf(f->fix[f->fixes_n++], FINDING_FIX_LEN, format, args);
	va_end(args);
}

/* An interface name as one word of a shell command: quoted unless it is plainly harmless. */
static void shell_word(char *word, size_t len, const char *name)
{
	size_t n = 0;
	bool plain = *name && *name != '-';

	for (const char *c = name; *c; c++)
		plain = plain && (isalnum((unsigned char)*c) || strchr("._-@", *c));
	if (plain) {
		snprintf(word, len, "%s", name);
		return;
	}
	word[n++] = '\'';
	for (; *name && n + 6 < len; name++) {
		if (*name == '\'') {
			memcpy(word + n, "'\\''", 4);
			n += 4;
		} else {
			word[n++] = *name;
		}
	}
	word[n++] = '\'';
	word[n] = '\0';
}

static uint32_t tunnel_mtu_for(const struct finding *f, uint32_t overhead, enum finding_basis *basis)
{
	uint32_t proven = f->path_mtu_lower > overhead ? f->path_mtu_lower - overhead : 0;

	*basis = BASIS_BRACKET;
	if (proven >= MTU_FLOOR)
		return proven;
	*basis = BASIS_FLOOR;
	if (!f->path_mtu_upper || MTU_FLOOR + overhead < f->path_mtu_upper)
		return MTU_FLOOR;
	/* Even the floor does not arrive. */
	*basis = BASIS_BRACKET;
	return proven > MTU_MINIMUM ? proven : MTU_MINIMUM;
}

void recommend(struct finding *f, uint8_t outer_family)
{
	char interface[4 * IFACE_NAME_LEN + 3];

	f->fixes_n = 0;
	f->recommended_mtu = tunnel_mtu_for(f, outer_overhead(outer_family), &f->basis);
	shell_word(interface, sizeof(interface), f->interface);
	fix_add(f, "ip link set dev %s mtu %u", interface, f->recommended_mtu);
	fix_add(f, "# on the other end, for its end of the tunnel: ip link set dev %s mtu %u", interface,
		f->recommended_mtu);
	fix_add(f, "# to keep it, in the wg-quick file of both ends under [Interface]: MTU = %u", f->recommended_mtu);
}
