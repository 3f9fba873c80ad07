// SPDX-License-Identifier: GPL-2.0-or-later
/* The cure of a finding: MTU and commands; see recommend.h. */
#include "recommend.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "outer.h"

#define MTU_FLOOR   1280 /* inner; IPv6 needs it (RFC 8200, 5) */
#define MTU_MINIMUM 576	 /* inner; what every IPv4 host must take (RFC 791) */

void fix_add(struct finding *f, const char *format, ...)
{
	va_list args;

	if (f->fixes_n == FINDING_FIXES_MAX)
		return;
	va_start(args, format);
	vsnprintf(f->fix[f->fixes_n++], FINDING_FIX_LEN, format, args);
	va_end(args);
}

void shell_word(char *word, size_t len, const char *name)
{
	size_t n = 0;
	bool plain = *name && *name != '-';

	for (const char *c = name; *c; c++)
		plain = plain && (isalnum((unsigned char)*c) || strchr("._-@/", *c));
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
			word[n++] = *name == '\n' ? '?' : *name; /* no kernel's, and would end a comment */
		}
	}
	word[n++] = '\'';
	word[n] = '\0';
}

/* What is proven, or the floor. */
static uint32_t mtu_by_bracket(const struct finding *f, uint32_t overhead, enum finding_basis *basis)
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

void recommend_mtu(struct finding *f, uint32_t limit, enum finding_basis limit_basis)
{
	uint32_t overhead = outer_overhead(f->outer_family);
	uint32_t fits = limit > overhead + MTU_MINIMUM ? limit - overhead : MTU_MINIMUM;

	switch (f->class) {
	case FINDING_TUNNEL_MTU_TOO_LARGE:
		f->recommended_mtu = fits;
		f->basis = limit_basis;
		break;
	case FINDING_PTB_FORGED:
	case FINDING_PEER_UNREACHABLE:
		f->recommended_mtu = 0;
		f->basis = BASIS_FLOOR;
		break;
	case FINDING_PTB_IGNORED:
	case FINDING_PTB_SUPPRESSED:
	case FINDING_MSS_TOO_LARGE:
	case FINDING_TUNNEL_MTU_MISMATCH:
		/* This end's tunnel MTU is not in doubt, unless the path does not carry it. */
		f->recommended_mtu = limit && fits < f->tunnel_mtu ? fits : f->tunnel_mtu;
		f->basis = f->recommended_mtu < f->tunnel_mtu ? limit_basis : BASIS_BRACKET;
		break;
	default:
		f->recommended_mtu = mtu_by_bracket(f, overhead, &f->basis);
	}
}

/* Other peers of the tunnel may keep their MTU: only what is routed to this one gets the smaller. */
static void fix_routes(struct finding *f, const char *interface)
{
	for (size_t i = 0; i < f->networks_n; i++) {
		const struct ip_network *n = &f->networks[i];
		char address[INET6_ADDRSTRLEN] = "";

		inet_ntop(n->ip.family, n->ip.bytes, address, sizeof(address));
		fix_add(f, "# or for this peer alone: ip%s route replace %s/%u dev %s mtu %u",
			n->ip.family == AF_INET6 ? " -6" : "", address, n->prefix_len, interface, f->recommended_mtu);
	}
}

static void fix_mtu(struct finding *f, const char *interface)
{
	fix_add(f, "ip link set dev %s mtu %u", interface, f->recommended_mtu);
	if (f->direction == WIRE_TX)
		fix_routes(f, interface);
	fix_add(f, "# on the other end, for its end of the tunnel: ip link set dev %s mtu %u", interface,
		f->recommended_mtu);
	fix_add(f, "# to keep it, in the wg-quick file of both ends under [Interface]: MTU = %u", f->recommended_mtu);
}

static void fix_clamp_by_number(struct finding *f, const char *way, const char *interface, uint32_t mtu)
{
	fix_add(f,
		"nft add rule inet mtuscope clamp %s %s meta nfproto ipv4 tcp flags syn tcp option maxseg size set %u",
		way, interface, mtu - 40);
	fix_add(f,
		"nft add rule inet mtuscope clamp %s %s meta nfproto ipv6 tcp flags syn tcp option maxseg size set %u",
		way, interface, mtu - 60);
}

/*
 * Both directions of forwarded connections: out of the tunnel's MTU for what enters it, by number for what leaves it, and where
 * another link is smaller.
 */
static void fix_clamp(struct finding *f, const char *interface)
{
	uint32_t mtu = f->hop_mtu && f->hop_mtu < f->recommended_mtu ? f->hop_mtu : f->recommended_mtu;

	mtu = mtu > MTU_MINIMUM ? mtu : MTU_MINIMUM;
	if (f->recommended_mtu < f->tunnel_mtu)
		fix_add(f, "ip link set dev %s mtu %u", interface, f->recommended_mtu);
	fix_add(f, "nft 'add table inet mtuscope { chain clamp { type filter hook forward priority mangle; }; }'");
	if (f->hop_mtu)
		fix_clamp_by_number(f, "oifname", interface, mtu);
	else
		fix_add(f,
			"nft add rule inet mtuscope clamp oifname %s tcp flags syn tcp option maxseg size set rt mtu",
			interface);
	fix_clamp_by_number(f, "iifname", interface, mtu);
}

static void fix_allow(struct finding *f)
{
	char hop[INET6_ADDRSTRLEN] = "";

	inet_ntop(f->hop.family, f->hop.bytes, hop, sizeof(hop));
	fix_add(f, "# add %s to the peer's AllowedIPs: WireGuard drops what comes from there", hop);
}

void recommend_fix(struct finding *f)
{
	char interface[SHELL_WORD_LEN(IFACE_NAME_LEN)];

	f->fixes_n = 0;
	shell_word(interface, sizeof(interface), f->interface);
	switch (f->class) {
	case FINDING_PTB_FORGED:
		fix_add(f, "# nothing to set here: find out who sends these messages, and drop them at the edge");
		break;
	case FINDING_PEER_UNREACHABLE:
		fix_add(f, "wg show %s", interface);
		fix_add(f, "# give the peer an endpoint, on one end at least, and a route to it beside the tunnel; "
			   "let its UDP port in and out");
		break;
	case FINDING_TUNNEL_MTU_MISMATCH:
		fix_add(f, "# on the other end, for its end of the tunnel: ip link set dev %s mtu %u", interface,
			f->recommended_mtu);
		break;
	case FINDING_PTB_SUPPRESSED:
		if (f->hop_refused)
			fix_allow(f);
		else
			fix_add(f, "# let ICMP type 3 code 4 and ICMPv6 type 2 out of this machine; see nft list "
				   "ruleset, and ip route get");
		fix_clamp(f, interface);
		break;
	case FINDING_PTB_IGNORED:
	case FINDING_MSS_TOO_LARGE:
		fix_clamp(f, interface);
		break;
	case FINDING_REASSEMBLY_FAILURE:
		fix_mtu(f, interface);
		fix_add(f, "sysctl -w net.ipv4.ipfrag_high_thresh=16777216 net.ipv6.ip6frag_high_thresh=16777216");
		break;
	default:
		fix_mtu(f, interface);
	}
}
