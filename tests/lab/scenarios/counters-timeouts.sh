#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Reassembly that runs out of time, counted as by the kernel: the path lets first fragments pass and drops the others.
# IPv4, IPv6, and IPv6 where connection tracking, loaded while mtuscope runs, does the reassembly.
. "$(dirname "$0")/../lib.sh"
. "$LAB_REPO/tests/lab/counters.sh"

COUNT=50

lab_require_wireguard
lab_incident --relay-nic 1500 --gateway-nic 1500 --tunnel-mtu-a 2000 --tunnel-mtu-b 2000
lab_path_rules
in_ns "$LAB_GW" sysctl -qw net.ipv4.ipfrag_time=2 net.ipv6.ip6frag_time=2
in_ns "$LAB_INET" tc qdisc add dev to-gw clsact
for family in ip ipv6; do
	in_ns "$LAB_INET" tc filter add dev to-gw egress protocol "$family" flower ip_flags frag/nofirstfrag action drop ||
		bail_out "cannot drop fragments"
done
start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start"
records=$MTUSCOPE_RECORDS

# send: COUNT datagrams in the tunnel, each in two fragments outside.
send()
{
	in_ns "$LAB_RELAY" "$LAB_TRAFFIC" udp-send "$LAB_SERVER_IP" 7000 \
		--size 1600 --count "$COUNT" --interval 5 >"$(lab_file send.out)"
}

send
check "IPv4 fragments run out of time" wait_for 15 "it" counts_to "$LAB_GW" IpReasmTimeout "$COUNT"
in_ns "$LAB_RELAY" wg set wg0 peer "$LAB_GW_KEY" endpoint '[2001:db8:2::3]:51820'
in_ns "$LAB_GW" wg set wg0 peer "$LAB_RELAY_KEY" endpoint '[2001:db8:1::1]:51820'
send
check "IPv6 fragments run out of time" wait_for 15 "it" counts_to "$LAB_GW" Ip6ReasmTimeout "$COUNT"

in_ns "$LAB_GW" nft -f - <<-END || bail_out "cannot track connections"
	table inet track {
		chain in {
			type filter hook input priority 0;
			ct state established accept
		}
	}
END
in_ns "$LAB_GW" sysctl -qw net.netfilter.nf_conntrack_frag6_timeout=2
# The module is noticed within two seconds.
sleep 5
send
check "conntrack's fragments run out of time" wait_for 15 "it" counts_to "$LAB_GW" Ip6ReasmTimeout $((2 * COUNT))
stop_mtuscope

is "$(lab_tallied "$records" reassembly-timeout '.family == 4')" "$(lab_counter "$LAB_GW" IpReasmTimeout)" \
	"IPv4 time-outs"
is "$(lab_tallied "$records" reassembly-timeout '.family == 6')" "$(lab_counter "$LAB_GW" Ip6ReasmTimeout)" \
	"IPv6 time-outs"
is "$(lab_tallied "$records" reassembly-timeout '.remote.ip == "198.51.100.1" and .layer == "outer"')" "$COUNT" \
	"the sender of the fragments is named"
is "$(lab_tallied "$records" reassembled)" "$(lab_counter "$LAB_GW" IpReasmOKs Ip6ReasmOKs)" "nothing was reassembled"
assert_record "$records" '.mtuscope.status | select(.state == "exit") | .hooks[] |
	select(.name == "nf_ct_frag6_expire" and .attached)' "the hook in the module that came later is attached"
done_testing
