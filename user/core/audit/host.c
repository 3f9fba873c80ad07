// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules about the host: how it treats too-big messages and fragments. Called by audit.c. */
#include "rule.h"

#define ICMP_RATELIMIT_DEFAULT 1000	 /* ms between two to the same host */
#define ICMP_UNREACHABLE_BIT   3	 /* of icmp_ratemask: too-big messages are its code 4 */
#define IPFRAG_LEAST	       (1 << 20) /* bytes; the default is four times that */
#define IPFRAG_TIME_LEAST      5	 /* seconds, the default is 30 */

static int64_t sysctl(const struct audit_case *c, enum audit_sysctl name)
{
	return c->scene->sysctls[name];
}

static bool forwards(const struct audit_case *c)
{
	return sysctl(c, AUDIT_FORWARD_IPV4) > 0 || sysctl(c, AUDIT_FORWARD_IPV6) > 0;
}

bool audit_iptables_legacy(const struct audit_case *c, struct audit_note *note)
{
	if (!c->scene->iptables_legacy || !forwards(c))
		return false;
	note->finding.severity = SEVERITY_INFO;
	audit_say(note, "There are rules of the legacy iptables, which only it can read: whether an MSS clamp is among "
			"them is not known.");
	fix_add(&note->finding, "iptables-legacy-save -t mangle");
	return true;
}

/* 3 is hardening, and believes messages that fit a connection. */
bool audit_no_pmtu_disc(const struct audit_case *c, struct audit_note *note)
{
	int64_t mode = sysctl(c, AUDIT_NO_PMTU_DISC);

	if (mode != 1 && mode != 2)
		return false;
	audit_say(
		note,
		"net.ipv4.ip_no_pmtu_disc is %lld: this machine does not discover path MTUs, and its own large packets "
		"are fragmented on the way or shrink to the smallest size.",
		(long long)mode);
	fix_add(&note->finding, "sysctl -w net.ipv4.ip_no_pmtu_disc=0");
	return true;
}

bool audit_icmp_ratelimit(const struct audit_case *c, struct audit_note *note)
{
	int64_t limit = sysctl(c, AUDIT_ICMP_RATELIMIT), mask = sysctl(c, AUDIT_ICMP_RATEMASK);

	if (limit <= ICMP_RATELIMIT_DEFAULT || mask < 0 || !(mask >> ICMP_UNREACHABLE_BIT & 1) || !forwards(c))
		return false;
	audit_say(note,
		  "net.ipv4.icmp_ratelimit lets a too-big message go to a host only every %lld ms: connections of the "
		  "same host that begin meanwhile are told nothing and stall.",
		  (long long)limit);
	fix_add(&note->finding, "sysctl -w net.ipv4.icmp_ratelimit=%d", ICMP_RATELIMIT_DEFAULT);
	return true;
}

static bool too_low(int64_t value, int64_t least)
{
	return value >= 0 && value < least;
}

bool audit_ipfrag(const struct audit_case *c, struct audit_note *note)
{
	bool ipv4 = too_low(sysctl(c, AUDIT_IPFRAG_HIGH), IPFRAG_LEAST);
	bool ipv6 = too_low(sysctl(c, AUDIT_IP6FRAG_HIGH), IPFRAG_LEAST);
	bool time = too_low(sysctl(c, AUDIT_IPFRAG_TIME), IPFRAG_TIME_LEAST);

	if (!ipv4 && !ipv6 && !time)
		return false;
	audit_say(note,
		  "This machine has little %s for fragments (%s%s%s): a tunnel packet that comes in fragments may "
		  "never be put together.",
		  ipv4 || ipv6 ? "memory" : "patience", ipv4 ? "net.ipv4.ipfrag_high_thresh " : "",
		  ipv6 ? "net.ipv6.ip6frag_high_thresh " : "", time ? "net.ipv4.ipfrag_time" : "");
	if (ipv4)
		fix_add(&note->finding, "sysctl -w net.ipv4.ipfrag_high_thresh=4194304");
	if (ipv6)
		fix_add(&note->finding, "sysctl -w net.ipv6.ip6frag_high_thresh=4194304");
	if (time)
		fix_add(&note->finding, "sysctl -w net.ipv4.ipfrag_time=30");
	return true;
}

bool audit_tcp_mtu_probing(const struct audit_case *c, struct audit_note *note)
{
	if (sysctl(c, AUDIT_TCP_MTU_PROBING) != 0)
		return false;
	note->finding.severity = SEVERITY_INFO;
	audit_say(note, "net.ipv4.tcp_mtu_probing is 0, the default: connections of this machine itself do not get out "
			"of a black hole by trying smaller segments.");
	fix_add(&note->finding, "sysctl -w net.ipv4.tcp_mtu_probing=1");
	return true;
}
