#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What check says of the incident's gateway, and that it says nothing of a healthy one. It sends nothing, and asks the kernel:
# each step changes one thing that only the kernel knows.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
# The wg-quick file is each scenario's own.
mkdir -p /etc/wireguard
rm -f /etc/wireguard/wg0.conf
lab_incident --path-mtu 1500

# checks ARG...: runs it on the gateway; CHECK_STATUS, CHECK_RECORDS, CHECK_TEXT.
checks()
{
	CHECK_STATUS=0
	CHECK_RECORDS=$(lab_file check.json)
	CHECK_TEXT=$(lab_file check.txt)
	in_ns "$LAB_GW" "$LAB_MTUSCOPE" check --json "$@" >"$CHECK_RECORDS" 2>"$(lab_file check.err)" || CHECK_STATUS=$?
	in_ns "$LAB_GW" "$LAB_MTUSCOPE" check "$@" >"$CHECK_TEXT" 2>>"$(lab_file check.err)"
}

# says RULE DESCRIPTION, silent RULE DESCRIPTION: by the name of the rule, which text shows for what has no class.
says()
{
	assert_record "$CHECK_RECORDS" "$1" "$2"
}

silent()
{
	refute_record "$CHECK_RECORDS" "$1" "$2"
}

TOO_LARGE='.mtuscope.finding.class == "tunnel-mtu-too-large"'
MSS='.mtuscope.finding.class == "mss-too-large"'
UNREACHABLE='.mtuscope.finding.class == "peer-unreachable"'

# A rule of the path to one endpoint: on_gw COMMAND.
on_gw()
{
	in_ns "$LAB_GW" "$@"
}

healthy()
{
	is "$CHECK_STATUS" 0 "$1: exit status 0"
	silent '.mtuscope.finding or .mtuscope.status.check.rule' "$1: nothing is reported"
	is "$(wc -l <"$CHECK_TEXT")" 1 "$1: one line of text"
	check "$1: that line is a plug-in's" grep -qE '^MTUSCOPE OK - .* \| .*peers=1 ' "$CHECK_TEXT"
}

# --- jumbo ---------------------------------------------------------------------
checks
is "$CHECK_STATUS" 1 "the incident: exit status 1, nothing is lost yet"
says "$TOO_LARGE and .mtuscope.finding.recommended_mtu == 1440 and .mtuscope.finding.interface == \"wg0\"" \
	"8920 is flagged, 1440 recommended"
says "$TOO_LARGE and .mtuscope.finding.peer.public_key == \"$LAB_RELAY_KEY\"" "of its peer"
says '.message | test("jumbo frames of wan0 \\(9000\\)")' "the jumbo link is named"
assert_json "$CHECK_RECORDS" "every line is JSON"
check "the first line is a plug-in's" grep -qE '^MTUSCOPE WARNING - .* \| .*warnings=1;' <(head -n 1 "$CHECK_TEXT")
check "the cure is a command" grep -qF 'fix: ip link set dev wg0 mtu 1440' "$CHECK_TEXT"

ip -n "$LAB_GW" link set wg0 mtu 1420
checks
healthy "at 1420"
ip -n "$LAB_GW" link set wg0 mtu 1440
checks
healthy "at 1440, the most that fits"
ip -n "$LAB_GW" link set wg0 mtu 1441
checks
says "$TOO_LARGE" "one byte more is flagged"

# The look-alike: somebody has said that the path carries it.
ip -n "$LAB_GW" link set wg0 mtu 8920
ip -n "$LAB_GW" route replace default via 203.0.113.254 mtu 9000
checks
silent "$TOO_LARGE" "8920 is right where the route says 9000"
ip -n "$LAB_GW" route replace default via 203.0.113.254
# And: the endpoint is on the link itself.
ip -n "$LAB_GW" route add 198.51.100.1 dev wan0
checks
silent "$TOO_LARGE" "8920 is right for an endpoint on the jumbo link"
ip -n "$LAB_GW" route del 198.51.100.1 dev wan0

# --- a second uplink ---------------------------------------------------------------
ip -n "$LAB_GW" link set wg0 mtu 1440
lab_ip "$LAB_GW" <<-END
	link add wan1 mtu 1400 type dummy
	address add 100.64.0.2/24 dev wan1
	link set wan1 up
	route add default via 100.64.0.1 dev wan1 metric 900
END
checks
says "$TOO_LARGE and (.message | test(\"wan1\")) and .mtuscope.finding.recommended_mtu == 1340" \
	"the second uplink of 1400 is named, 1340 recommended"
ip -n "$LAB_GW" link set wg0 mtu 1340
checks
healthy "with an uplink that fits"
ip -n "$LAB_GW" link set wg0 mtu 1440

ip -n "$LAB_GW" route del default dev wan1
ip -n "$LAB_GW" route replace default nexthop via 203.0.113.254 dev wan0 nexthop via 100.64.0.1 dev wan1
checks
says "$TOO_LARGE and (.message | test(\"wan1\")) and .mtuscope.finding.recommended_mtu == 1340" \
	"so is the second next hop of one route"
ip -n "$LAB_GW" route replace default via 203.0.113.254
ip -n "$LAB_GW" route add default via 100.64.0.1 dev wan1 metric 900

# --- the endpoint's own route, by policy: only a packet with the mark goes there ----------------
lab_ip "$LAB_GW" <<-END
	route del default dev wan1
	route add default via 100.64.0.1 dev wan1 table 77
	rule add fwmark 0x77 table 77
END
checks
healthy "with an uplink that no rule leads the tunnel's packets to"
ip -n "$LAB_GW" rule add from 100.64.0.2 table 77
checks
says "$TOO_LARGE and (.message | test(\"can move from wan0 to wan1\"))" "an uplink that a rule for its address leads to counts"
ip -n "$LAB_GW" rule del from 100.64.0.2
on_gw wg set wg0 fwmark 0x77
checks
says "$TOO_LARGE and (.message | test(\"by wan1 carries 1400\"))" "with the fwmark the route is that of the rule"
on_gw wg set wg0 fwmark 0
lab_ip "$LAB_GW" <<-END
	rule del fwmark 0x77
	link del wan1
	link set wg0 mtu 1420
END

# --- routes -------------------------------------------------------------------------
ip -n "$LAB_GW" route replace default via 203.0.113.254 mtu 9500
checks
says '.mtuscope.status.check.rule == "route-mtu-above-link"' "a route MTU above the link's is flagged"
ip -n "$LAB_GW" route replace default via 203.0.113.254
ip -n "$LAB_GW" route add 10.99.0.0/24 dev wg0 mtu 1500
checks
says '.mtuscope.status.check.rule == "tunnel-route-mtu" and .mtuscope.status.check.fix[0] ==
	"ip route change 10.99.0.0/24 dev wg0 mtu 1420"' "a route into the tunnel above its MTU, with its cure"
ip -n "$LAB_GW" route change 10.99.0.0/24 dev wg0 mtu 1300
checks
healthy "with a route below"
ip -n "$LAB_GW" route del 10.99.0.0/24

# --- a learned path MTU ----------------------------------------------------------------
lab_path_honest 1300
on_gw ping -q -c 1 -W 2 -M "do" -s 1400 198.51.100.1 >/dev/null 2>&1
checks
says "$TOO_LARGE and .mtuscope.finding.recommended_basis == \"ptb\" and .mtuscope.finding.recommended_mtu == 1240" \
	"a learned path MTU is flagged"
on_gw ip route flush cache
lab_path_mtu 1500

# --- MSS clamps ------------------------------------------------------------------------
on_gw nft 'add table ip t; add chain ip t f { type filter hook forward priority mangle; }'
on_gw nft 'add rule ip t f oifname "wg0" tcp flags syn tcp option maxseg size set rt mtu'
checks
says "$MSS and (.message | test(\"only in SYNs that enter wg0\"))" "nftables one way is flagged"
on_gw nft 'add rule ip t f iifname "wg0" tcp flags syn tcp option maxseg size set 1380'
checks
says "$MSS and (.message | test(\"that of IPv6 is not\"))" "one family is flagged"
on_gw nft 'flush chain ip t f; add rule ip t f tcp flags syn tcp option maxseg size set rt mtu'
on_gw nft 'add table ip6 t; add chain ip6 t f { type filter hook forward priority mangle; }'
on_gw nft 'add rule ip6 t f tcp flags syn tcp option maxseg size set rt mtu'
checks
healthy "with both ways and families clamped"
on_gw nft 'flush chain ip t f; add chain ip t c; add rule ip t c tcp flags syn tcp option maxseg size set rt mtu'
on_gw nft 'add rule ip t f oifname "wg0" jump c'
checks
says "$MSS and (.message | test(\"only in SYNs that enter wg0\"))" "a clamp behind a jump is reached as the jump says"
on_gw nft 'add rule ip t f iifname "wg0" goto c'
checks
healthy "with both ways led to a clamp"
on_gw nft 'flush chain ip t f'
checks
says "$MSS and (.message | test(\"that of IPv4 is not\"))" "a clamp that nothing leads to is none"
on_gw nft 'flush chain ip t f; add rule ip t f tcp flags syn tcp option maxseg size set rt mtu'
on_gw nft 'add rule ip t f iifname { "wg0", "wg1" } tcp flags syn tcp option maxseg size set 1400'
on_gw nft 'add rule ip t f iifname "wg0" tcp flags syn tcp option maxseg size set 1400'
checks
says "$MSS and (.message | test(\"nftables sets the MSS .* to 1400\"))" "an MSS that the tunnel does not carry is flagged"
on_gw nft 'delete table ip t; delete table ip6 t'
if command -v iptables-nft >/dev/null; then
	on_gw iptables-nft -t mangle -A FORWARD -i wg0 -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
	checks
	says "$MSS and (.message | test(\"only in SYNs that leave wg0\"))" "iptables-nft one way is flagged"
	on_gw iptables-nft -t mangle -A FORWARD -o wg0 -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1380
	on_gw nft 'add table ip6 t; add chain ip6 t f { type filter hook forward priority mangle; }'
	on_gw nft 'add rule ip6 t f tcp flags syn tcp option maxseg size set rt mtu'
	checks
	healthy "with iptables-nft both ways"
	on_gw nft 'delete table ip6 t'
	on_gw iptables-nft -t mangle -F
fi
checks -v
says '.mtuscope.status.check.rule == "clamp-missing" and .mtuscope.status.check.severity == "info"' \
	"no clamp at all is a remark, with -v"
is "$CHECK_STATUS" 0 "and no warning"

# --- sysctls ------------------------------------------------------------------------------
on_gw sysctl -qw net.ipv4.ip_no_pmtu_disc=1 net.ipv4.icmp_ratelimit=60000 \
	net.ipv4.ipfrag_low_thresh=196608 net.ipv4.ipfrag_high_thresh=262144
checks
for rule in no-pmtu-disc icmp-ratelimit ipfrag; do
	says ".mtuscope.status.check.rule == \"$rule\"" "sysctl: $rule"
done
on_gw sysctl -qw net.ipv4.ip_no_pmtu_disc=0 net.ipv4.icmp_ratelimit=1000 \
	net.ipv4.ipfrag_high_thresh=4194304

# --- the wg-quick file ------------------------------------------------------------------
printf '[Interface]\nMTU = 8920\n' >/etc/wireguard/wg0.conf
checks
says '.mtuscope.status.check.rule == "config-mtu" and (.message | test("next wg-quick up sets 8920"))' \
	"a file with another MTU is flagged"
printf '[Interface]\n' >/etc/wireguard/wg0.conf
checks
says '.mtuscope.status.check.rule == "config-mtu" and (.message | test("names no MTU"))' \
	"a file without MTU, from which wg-quick will derive 8920, is flagged"
printf '[Interface]\nMTU=1420\n' >/etc/wireguard/wg0.conf
checks
healthy "with a file that agrees"
rm /etc/wireguard/wg0.conf

# --- peers ---------------------------------------------------------------------------------
key=$(wg genkey | wg pubkey)
on_gw wg set wg0 peer "$key" allowed-ips 10.30.0.9/32
checks
says "$UNREACHABLE and .mtuscope.finding.peer.endpoint == null" "a peer without an endpoint is flagged"
on_gw wg set wg0 peer "$key" endpoint 198.51.100.77:9
checks
silent "$UNREACHABLE" "an idle peer that nobody wants is not"
on_gw ping -q -c 1 -W 1 10.30.0.9 >/dev/null 2>&1
checks
says "$UNREACHABLE and (.message | test(\"never completed a handshake\"))" "a peer that does not answer is flagged"
on_gw wg set wg0 peer "$key" remove
ip -n "$LAB_GW" link set wg0 down
checks
says '.mtuscope.status.check.rule == "tunnel-down"' "a tunnel that is down is flagged"
ip -n "$LAB_GW" link set wg0 up

# --- a tunnel that was made in another namespace, by whose routes it sends ----------------------
elsewhere=$(lab_file elsewhere.json)
ip -n "$LAB_GW" link add wg9 mtu 1420 type wireguard
ip -n "$LAB_GW" link set wg9 netns "$LAB_SERVER"
in_ns "$LAB_SERVER" wg set wg9 private-key <(wg genkey) peer "$key" allowed-ips 10.99.9.0/24 endpoint 198.51.100.77:9
ip -n "$LAB_SERVER" link set wg9 up
in_ns "$LAB_SERVER" "$LAB_MTUSCOPE" check -i wg9 -v --json >"$elsewhere"
assert_record "$elsewhere" '.mtuscope.status.check.rule == "tunnel-elsewhere"' "a tunnel that sends from another namespace: that is said"
refute_record "$elsewhere" "$UNREACHABLE" "and nothing of routes that are not its own"
in_ns "$LAB_SERVER" "$LAB_MTUSCOPE" fix wg9 >/dev/null 2>"$elsewhere.err"
is "$?" 3 "nothing is proven there"
check "and why is said" grep -q "another network namespace" "$elsewhere.err"
ip -n "$LAB_SERVER" link del wg9

# --- refusals --------------------------------------------------------------------------
# refuses DESCRIPTION PATTERN ARG...
refuses()
{
	local what=$1 pattern=$2 status=0

	shift 2
	on_gw "$@" >"$(lab_file refused.out)" 2>"$(lab_file refused.err)" || status=$?
	is "$status" 3 "$what: exit status 3"
	check "$what: says why in one line" test "$(grep -cE "$pattern" "$(lab_file refused.err)")" = 1
	check "$what: nothing on stdout" test ! -s "$(lab_file refused.out)"
}

refuses "no such interface" "no such interface.*wg9" "$LAB_MTUSCOPE" check -i wg9
refuses "no tunnel" "not a WireGuard interface: lan0" "$LAB_MTUSCOPE" check -i lan0
refuses "no privilege" "CAP_NET_ADMIN" setpriv --reuid 65534 --clear-groups --bounding-set=-all --inh-caps=-all "$LAB_MTUSCOPE" check
refuses "an option that is none" "unknown option: --frobnicate" "$LAB_MTUSCOPE" check --frobnicate

# --- a hundred peers ---------------------------------------------------------------------
for i in {1..100}; do
	printf '[Peer]\nPublicKey = %s\nEndpoint = 198.51.100.%d:51820\nAllowedIPs = 10.31.0.%d/32\n' \
		"$(wg genkey | wg pubkey)" "$i" "$i"
done >"$(lab_file hundred.conf)"
on_gw wg addconf wg0 "$(lab_file hundred.conf)"
checks
check "a hundred peers are counted" grep -q 'peers=101 ' "$CHECK_TEXT"
done_testing
