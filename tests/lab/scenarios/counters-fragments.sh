#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Fragmentation and reassembly, counted exactly as by the kernel's own counters: of outer packets over IPv4 and
# IPv6, and of inner ones; and nothing of it in the namespace where it did not happen.
. "$(dirname "$0")/../lib.sh"
. "$LAB_REPO/tests/lab/counters.sh"

COUNT=1000

listens()
{
	[[ -n $(in_ns "$LAB_SERVER" ss -Hlun "sport = :7000") ]]
}

lab_require_wireguard
lab_incident --relay-nic 1500 --gateway-nic 1500 --tunnel-mtu-a 2000 --tunnel-mtu-b 2000
lab_path_rules
# Without it the first answer would be that nobody listens, and the sender would stop.
lab_spawn "$LAB_SERVER" "$(lab_file sink.out)" "$(lab_file sink.err)" "$LAB_TRAFFIC" udp-sink 7000
wait_for 10 "the receiver" listens
start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start"
relay=$MTUSCOPE_RECORDS relay_pid=$MTUSCOPE_PID
start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start on the gateway"
gateway=$MTUSCOPE_RECORDS

# send SIZE: COUNT datagrams with that much payload from the relay to the server, at a pace that loses none.
send()
{
	in_ns "$LAB_RELAY" "$LAB_TRAFFIC" udp-send "$LAB_SERVER_IP" 7000 \
		--size "$1" --count "$COUNT" --interval 1 >"$(lab_file send.out)"
}

# since NS NAME BEFORE: how far the kernel's counter has moved on.
since()
{
	echo $(($(lab_counter "$1" "$2") - $3))
}

# Inner 1628, outer 1692: two fragments.
send 1600
check "the gateway has put them together (IPv4)" wait_for 10 "reassembly" counts_to "$LAB_GW" IpReasmOKs "$COUNT"
for end in "$LAB_RELAY $LAB_GW_KEY [2001:db8:2::3]:51820" "$LAB_GW $LAB_RELAY_KEY [2001:db8:1::1]:51820"; do
	read -r ns key endpoint <<<"$end"
	in_ns "$ns" wg set wg0 peer "$key" endpoint "$endpoint"
done
wait_for 10 "the tunnel over IPv6" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 56
send 1600
check "the gateway has put them together (IPv6)" wait_for 10 "reassembly" counts_to "$LAB_GW" Ip6ReasmOKs "$COUNT"
outer4=$(lab_counter "$LAB_RELAY" IpFragOKs)
outer6=$(lab_counter "$LAB_RELAY" Ip6FragOKs)
reassembled4=$(lab_counter "$LAB_GW" IpReasmOKs)
reassembled6=$(lab_counter "$LAB_GW" Ip6ReasmOKs)

# The inner packet is larger than the tunnel's MTU, which fits the link.
lab_tunnel_mtu 1400 1400
send 1600
stop_mtuscope
stop_mtuscope "$relay_pid"

is "$(lab_tallied "$relay" fragmented '.layer == "outer" and .family == 4')" "$outer4" \
	"relay: outer IPv4 packets fragmented"
is "$outer4" "$COUNT" "relay: as many as were sent"
is "$(lab_tallied "$relay" fragmented '.layer == "outer" and .family == 6')" "$outer6" \
	"relay: outer IPv6 packets fragmented"
is "$outer6" "$COUNT" "relay: as many as were sent"
is "$(lab_tallied "$relay" fragmented '.layer == "inner"')" "$(since "$LAB_RELAY" IpFragOKs "$outer4")" \
	"relay: inner packets fragmented"
is "$(lab_tallied "$relay" fragmented '.size.min == 1692 and .size.max == 1692')" "$COUNT" \
	"relay: the outer IPv4 size is 1692"
is "$(lab_tallied "$relay" fragmented '.size.min == 1712 and .size.max == 1712')" "$COUNT" \
	"relay: the outer IPv6 size is 1712"
is "$(lab_tallied "$relay" fragmented '.remote == {ip: "203.0.113.3", port: 51820}')" "$COUNT" \
	"relay: the endpoint is named"
is "$(lab_tallied "$gateway" reassembled '.family == 4')" "$reassembled4" "gateway: outer IPv4 packets reassembled"
is "$(lab_tallied "$gateway" reassembled '.family == 6')" "$reassembled6" "gateway: outer IPv6 packets reassembled"
is "$(lab_tallied "$gateway" reassembled '.remote.ip == "198.51.100.1" and .size.max == 1692')" "$COUNT" \
	"gateway: the sender is named, and the size"
is "$(lab_tallied "$gateway" fragmented)" "$(lab_counter "$LAB_GW" IpFragOKs Ip6FragOKs)" \
	"gateway: nothing fragmented there"
is "$(lab_tallied "$relay" reassembled)" "$(lab_counter "$LAB_RELAY" IpReasmOKs Ip6ReasmOKs)" \
	"relay: nothing reassembled there"
is "$(lab_tallied "$relay" fragment-failed)" "$(lab_counter "$LAB_RELAY" IpFragFails Ip6FragFails)" "relay: none failed"

# The link's queue refuses fragments.
lab_tunnel_mtu 2000 2000
in_ns "$LAB_RELAY" tc qdisc add dev eth0 root tbf rate 200kbit burst 1600 limit 3200
failed=$(lab_counter "$LAB_RELAY" IpFragFails Ip6FragFails)
start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start again"
relay=$MTUSCOPE_RECORDS
send 1600
stop_mtuscope
failed=$(($(lab_counter "$LAB_RELAY" IpFragFails Ip6FragFails) - failed))
check "relay: the queue has refused some" test "$failed" -gt 0
is "$(lab_tallied "$relay" fragment-failed)" "$failed" "relay: as many failed"
is "$(lab_tallied "$relay" fragment-failed '.aux == 105')" "$failed" "relay: for want of room (ENOBUFS)"
done_testing
