// SPDX-License-Identifier: GPL-2.0-or-later
/* The sentence of a finding, for somebody who is woken by it; see recommend.h. */
#include "recommend.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

static void say(struct finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct finding *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->message, sizeof(f->message), format, args);
	va_end(args);
}

static void say_blackhole(struct finding *f, const char *way)
{
	const char *what = f->class == FINDING_FRAGMENT_BLACKHOLE ? "fragmented, and the fragments vanish" : "vanish";

	if (f->class == FINDING_FRAGMENT_BLACKHOLE && !f->path_mtu_upper)
		say(f,
		    "Packets %s the peer of %s are fragmented on the way, and only their beginnings arrive. Set the "
		    "tunnel's MTU to %u on both ends, so that nothing is fragmented.",
		    way, f->interface, f->recommended_mtu);
	else if (f->path_mtu_lower)
		say(f,
		    "Packets of %u bytes and more %s%s on the way %s the peer of %s and nobody says so; those up to %u "
		    "bytes arrive. Set the tunnel's MTU to %u on both ends.",
		    f->path_mtu_upper, f->class == FINDING_FRAGMENT_BLACKHOLE ? "are " : "", what, way, f->interface,
		    f->path_mtu_lower, f->recommended_mtu);
	else
		say(f,
		    "Packets of %u bytes and more %s%s on the way %s the peer of %s and nobody says so. Set the "
		    "tunnel's MTU to %u on both ends.",
		    f->path_mtu_upper, f->class == FINDING_FRAGMENT_BLACKHOLE ? "are " : "", what, way, f->interface,
		    f->recommended_mtu);
}

static const char *why_unreachable(const struct finding *f)
{
	if (!f->endpoint.ip.family)
		return "it has no endpoint";
	return f->evidence[0].kind == EVIDENCE_SEND_ERROR ? "this host has no way to its endpoint"
							  : "it does not answer handshakes";
}

/* The link that is too small is not the tunnel: beyond the peer, or on this side of it. */
static void say_hop(struct finding *f, const char *host)
{
	const char *whose = f->direction == WIRE_TX ? "" : ", behind the peer,";
	const char *where = f->direction == WIRE_TX ? "beyond the peer" : "on this side";
	char hop[INET6_ADDRSTRLEN] = "";

	if (f->hop.family)
		inet_ntop(f->hop.family, f->hop.bytes, hop, sizeof(hop));
	if (f->class == FINDING_PTB_IGNORED)
		say(f,
		    "%s%s is told again and again%s%s that its packets through %s do not fit a link %s (MTU %u), and "
		    "goes on sending the same sizes. Let too-big messages reach it, or clamp the MSS both ways.",
		    host, whose, *hop ? " by " : "", hop, f->interface, where, f->hop_mtu);
	else if (f->hop_refused)
		say(f,
		    "Packets of %s through %s are dropped because they do not fit a link beyond the peer (MTU %u), and "
		    "WireGuard "
		    "drops the message that says so, as %s is not among the peer's AllowedIPs. Add it there, or clamp "
		    "the "
		    "MSS both ways.",
		    host, f->interface, f->hop_mtu, hop);
	else
		say(f,
		    "Packets of %s%s through %s are dropped because they do not fit a link %s (MTU %u), and the "
		    "message "
		    "that says so never leaves this machine. Let it out, or clamp the MSS both ways.",
		    host, whose, f->interface, where, f->hop_mtu);
}

static void say_open(struct finding *f, const char *way, const char *host)
{
	if (f->hop_mtu) {
		say_hop(f, host);
		return;
	}
	switch (f->class) {
	case FINDING_REASSEMBLY_FAILURE:
		say(f,
		    "Fragments from the peer of %s arrive here whole and never become a packet. Set the tunnel's MTU "
		    "to %u on both ends, so that nothing is fragmented.",
		    f->interface, f->recommended_mtu);
		break;
	case FINDING_PTB_IGNORED:
		say(f,
		    "%s is told again and again that its packets do not fit into %s (MTU %u), and goes on sending the "
		    "same sizes. Clamp the MSS both ways, and let too-big messages reach it.",
		    host, f->interface, f->tunnel_mtu);
		break;
	case FINDING_PTB_SUPPRESSED:
		say(f,
		    "Packets of %s are dropped because they do not fit into %s (MTU %u), and the message that should "
		    "say so never leaves this machine. Let it out, or clamp the MSS both ways.",
		    host, f->interface, f->tunnel_mtu);
		break;
	case FINDING_TUNNEL_MTU_TOO_LARGE:
		say(f,
		    "The MTU %u of %s does not fit the way to its peer's endpoint: full packets must be fragmented. "
		    "Set it to %u on both ends.",
		    f->tunnel_mtu, f->interface, f->recommended_mtu);
		break;
	case FINDING_TUNNEL_MTU_MISMATCH:
		say(f,
		    "The peer of %s sends packets larger than this end's tunnel MTU %u: the two ends differ. Use the "
		    "smaller one on both.",
		    f->interface, f->tunnel_mtu);
		break;
	case FINDING_MSS_TOO_LARGE:
		say(f,
		    "Connections through %s announce segments larger than its MTU %u carries, and nothing clamps them: "
		    "they work only while every too-big message gets through.",
		    f->interface, f->tunnel_mtu);
		break;
	case FINDING_PTB_FORGED:
		say(f,
		    "%s sends too-big messages that no router on the way to the peer of %s would send. They are not "
		    "believed.",
		    host, f->interface);
		break;
	case FINDING_PEER_UNREACHABLE:
		say(f, "The peer of %s cannot be reached at all: %s. This is not an MTU problem.", f->interface,
		    why_unreachable(f));
		break;
	default:
		say_blackhole(f, way);
	}
}

void recommend_message(struct finding *f)
{
	const char *way = f->direction == WIRE_TX ? "to" : "from";
	char host[INET6_ADDRSTRLEN] = "A host";

	if (f->host.family)
		inet_ntop(f->host.family, f->host.bytes, host, sizeof(host));
	if (f->state == FINDING_RESOLVED)
		say(f, "Resolved: what was wrong with packets %s the peer of %s (%s) is seen no more.", way,
		    f->interface, finding_class_name(f->class));
	else
		say_open(f, way, host);
}
