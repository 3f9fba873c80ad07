#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Black holes of all kinds, judged at both ends of the tunnel at once: what must be found, and the truth that the brackets
# must hold. The hosts are those of incident.sh. A ping a second stands for the small traffic that every gateway has.
#
# The kinds, and where their rows are, if not here:
#   T1   tunnel MTU of a jumbo NIC          T8   no MSS clamp (classes.sh)
#   T2   access link below 1500             T9   directions or ends that differ (here and classes.sh)
#   T3   fragments are filtered             T10  the path changes: uplinks, roaming (here and attribution.sh)
#   T4   IPv6 underlay, silent              T11  tunnel in tunnel
#   T5   a too-big message is believed,     T12  overhead above 60 or 80
#        and this end fragments             T13  WireGuard in user space (userspace.sh)
#   T6   a too-big message is lost or       T14  reassembly is starved (classes.sh)
#        ignored (classes.sh)
#   T7   redirected into the tunnel         what is none: lookalikes.sh
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard

# The traffic of the rows; each is given up after a while.
download()
{
	lab_spawn "$LAB_RELAY" /dev/null /dev/null timeout 40 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5001 --bytes 200000
}

upload()
{
	upload_to "$LAB_SERVER_IP"
}

upload_to()
{
	lab_spawn "$LAB_RELAY" /dev/null /dev/null timeout 40 "$LAB_TRAFFIC" tcp-get "$1" 5002 --send 200000 --bytes 1
}

both_ways()
{
	download
	upload
}

big_pings()
{
	lab_spawn "$LAB_RELAY" /dev/null /dev/null ping -n -i 0.5 -c 60 -M "do" -s "$1" "$LAB_SERVER_IP"
}

# whole TRAFFIC: and it gets through.
whole()
{
	"$1"
	check "$name: the $1 gets through" wait "$LAB_PID"
}

# changing TRAFFIC COMMAND...: the traffic gets through, then the path changes by this command, and the same again.
changing()
{
	local traffic=$1

	shift
	whole "$traffic"
	"$@"
	"$traffic"
}

small_traffic()
{
	lab_spawn "$LAB_RELAY" /dev/null /dev/null ping -n -i 1 "$LAB_SERVER_IP"
	ping=$LAB_PID
}

# begin: both ends are watched afresh, until end. In one watch either direction has one path MTU that is too small: what
# has got through before makes the next hole another kind.
begin()
{
	start_both || bail_out "mtuscope does not start"
	small_traffic
}

end()
{
	stop_mtuscope "$RELAY_PID"
	stop_mtuscope
	lab_kill "$ping"
	lab_end_flows
}

# hole NAME CLASS TO_GATEWAY TO_RELAY TRAFFIC...: the path MTU of either direction, "-" where nothing may be said of it.
# Each end finds a hole in each direction that has one.
hole()
{
	local name=$1 class=$2 to_gateway=$3 to_relay=$4

	shift 4
	"$@"
	found "$name, gateway" "$MTUSCOPE_RECORDS" "$class" "$to_relay" "$to_gateway" "$LAB_RELAY_KEY"
	found "$name, relay" "$RELAY_RECORDS" "$class" "$to_gateway" "$to_relay" "$LAB_GW_KEY"
}

# found NAME RECORDS CLASS TX_TRUTH RX_TRUTH KEY: by one end; after a truth with "?" it may say so or nothing.
found()
{
	local name=$1 records=$2 class key=$6 direction finding truth
	local -A truths=([tx]=$4 [rx]=$5)
	# Where no fragment arrives, the receiver cannot know that there were any.
	local -A classes=([tx]=$3 [rx]=path-blackhole)

	for direction in tx rx; do
		finding=".mtuscope.finding | select(. and .severity == \"critical\" and .direction == \"$direction\")"
		truth=${truths[$direction]} class=${classes[$direction]}
		if [[ $truth == - ]]; then
			refute_record "$records" "$finding" "$name: nothing is said of $direction"
			continue
		fi
		[[ $truth == *\? ]] || check "$name: $class $direction is found" wait_record "$records" 30 \
			"$finding | .class == \"$class\" and .interface == \"$tunnel\" and .peer.public_key == \"$key\""
		truth=${truth%\?}
		refute_record "$records" "$finding | .class != \"$class\" or .peer.public_key != \"$key\" or
			.path_mtu.upper <= $truth or (.path_mtu.lower // 0) > $truth or
			.recommended_mtu > $(safe "$truth") or .recommended_mtu < 576" \
			"$name: the bracket holds $truth, the recommended MTU works"
	done
}

# Below 1280 only a probe or a delivery can know: until then 1280 is the floor.
safe()
{
	echo $(($1 - overhead < 1280 ? 1280 : $1 - overhead))
}

serve()
{
	lab_serve 5001 --send 200000
	lab_serve 5002 --bytes 200000 --send 1
}

# T1: a tunnel MTU of a jumbo NIC on a path of Ethernet's MTU, and T9: in one direction, in both, of two widths.
jumbo()
{
	lab_incident
	serve
	lab_path_mtu 9001 1500
	begin
	hole "T1, T9: jumbo tunnel, download, only towards the relay" path-blackhole - 1500 download
	lab_path_mtu 1500
	hole "T1: jumbo tunnel, upload, IPv6 inside" path-blackhole 1500 1500 upload_to fd03::69
	end
	lab_path_mtu 1400 1492
	begin
	hole "T9: two ways of two widths" path-blackhole 1400 1492 both_ways
	end
}

echo_alone()
{
	lab_incident
	start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start"
	small_traffic
	big_pings 4000
	found "T1: jumbo tunnel, echo of 4000 bytes" "$MTUSCOPE_RECORDS" path-blackhole 1500 - "$LAB_GW_KEY"
	stop_mtuscope
	lab_kill "$ping"
}

# T2: less than Ethernet's MTU, and a path that shrinks.
access_links()
{
	lab_incident --tunnel-mtu-a 1440 --tunnel-mtu-b 1440
	serve
	lab_path_mtu 1500 1492
	begin
	hole "T2: access link of 1492, tunnel MTU 1440" path-blackhole - 1492 download
	hole "T10: from 1500 to 1400" path-blackhole 1400 1492 changing upload lab_path_mtu 1400 1492
	end
	lab_tunnel_mtu 1420 1420
	lab_path_mtu 1124
	begin
	hole "T2: hotel path of 1124, tunnel MTU 1420" path-blackhole - 1124 download
	end
}

# T10: the second uplink takes over, then the first one again: the finding comes and goes.
uplinks()
{
	lab_incident --tunnel-mtu-a 1440 --tunnel-mtu-b 1440
	serve
	lab_second_uplink 1400
	begin
	hole "T10: the second uplink has 1400" path-blackhole - 1400 changing download lab_failover
	lab_failback
	name=T10 whole download
	check "T10: it is resolved on the first uplink" wait_record "$MTUSCOPE_RECORDS" 20 \
		'.mtuscope.finding | select(. and .direction == "tx" and .state == "resolved")'
	end
}

# T4, and T5: a router that speaks, is believed, and this end fragments from then on.
ipv6_underlay()
{
	overhead=80
	lab_incident --v6-underlay --tunnel-mtu-a 1420 --tunnel-mtu-b 1420 --path-mtu 1400
	serve
	begin
	hole "T4: IPv6 underlay of 1400, tunnel MTU 1420" path-blackhole - 1400 download
	end
	lab_path_honest 1400
	begin
	hole "T5: a router of 1400 speaks, fragments pass" - - - whole download
	check "T5: the gateway warns, and has the MTU from the router" wait_record "$MTUSCOPE_RECORDS" 10 ".mtuscope.finding |
		select(. and .class == \"tunnel-mtu-too-large\" and .recommended_mtu == 1320 and .recommended_basis == \"ptb\")"
	lab_path_no_fragments
	hole "T5: a router of 1400 speaks, fragments are dropped" fragment-blackhole - 1400 download
	end
}

fragments()
{
	lab_incident --relay-nic 1500 --gateway-nic 1500
	serve
	lab_path_no_fragments
	begin
	hole "T3: fragments are dropped" fragment-blackhole - 1500 download
	end
}

# A NAT hides the relay, and the gateway's uplink is a VLAN on a bond.
behind_nat()
{
	lab_incident
	serve
	lab_trunk
	lab_nat
	wait_for 20 "the tunnel by VLAN and NAT" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 56 || bail_out "no tunnel by VLAN and NAT"
	check "NAT: the gateway sees another endpoint" grep -q "203.0.113.254:" <(in_ns "$LAB_GW" wg show wg0 endpoints)
	begin
	hole "T1: NAT, VLAN and bond, download" path-blackhole - 1500 download
	hole "T1: NAT, VLAN and bond, upload" path-blackhole 1500 1500 upload
	end
}

# T11: a tunnel through the tunnel; of its packets 1440 bytes pass the outer one's path, padding included.
tunnel_in_tunnel()
{
	local key_relay key_gw

	lab_incident
	serve
	key_relay=$(wg genkey) key_gw=$(wg genkey)
	LAB_RELAY_KEY=$(wg pubkey <<<"$key_relay") LAB_GW_KEY=$(wg pubkey <<<"$key_gw")
	lab_wg "$LAB_RELAY" wg1 "$key_relay" 1420 "$LAB_GW_KEY" 10.30.0.3:51821 0 10.31.0.3/32,192.168.3.0/24
	lab_wg "$LAB_GW" wg1 "$key_gw" 1420 "$LAB_RELAY_KEY" 10.30.0.1:51821 0 10.31.0.1/32
	lab_ip "$LAB_RELAY" <<-END
		address add 10.31.0.1/24 dev wg1
		route replace 192.168.3.0/24 dev wg1
	END
	ip -n "$LAB_GW" address add 10.31.0.3/24 dev wg1
	tunnel=wg1
	begin
	download
	found "T11: a tunnel in the tunnel, gateway" "$MTUSCOPE_RECORDS" path-blackhole 1440 - "$LAB_RELAY_KEY"
	found "T11: a tunnel in the tunnel, relay" "$RELAY_RECORDS" path-blackhole - 1440 "$LAB_GW_KEY"
	end
}

# T7: what is forced into the tunnel by tc does not heed the tunnel's MTU.
redirected()
{
	lab_incident --tunnel-mtu-a 1440 --tunnel-mtu-b 1440
	serve
	ip -n "$LAB_RELAY" route replace 192.168.3.0/24 dev wg0 advmss 8000
	in_ns "$LAB_GW" tc qdisc add dev lan0 clsact
	in_ns "$LAB_GW" tc filter add dev lan0 ingress protocol ip flower dst_ip 10.30.0.1 \
		action mirred egress redirect dev wg0 || bail_out "tc cannot redirect"
	begin
	hole "T7: redirected into the tunnel" path-blackhole - 1500 download
	end
}

# T12: with a route MTU above the device's, WireGuard pads beyond the device's MTU: tails of four bytes, which arrive, or not.
padding()
{
	lab_incident --tunnel-mtu-a 1420 --tunnel-mtu-b 1420 --relay-nic 1480 --gateway-nic 1480
	serve
	ip -n "$LAB_GW" route replace 10.30.0.1 dev wg0 mtu 1500
	begin
	hole "T12: padded beyond the link" - - - whole download
	check "T12: the gateway has fragmented" test "$(lab_counter "$LAB_GW" IpFragCreates)" -gt 0
	end
	lab_path_no_fragments
	begin
	hole "T12: padded beyond the link, fragments are dropped" fragment-blackhole - 1480 download
	end
}

# What rides below and above: the gateway's way out is GRE, which takes 1476, and VXLAN goes through the tunnel.
layers()
{
	lab_incident --tunnel-mtu-a 1420 --tunnel-mtu-b 1420 --relay-nic 1500 --gateway-nic 1500
	serve
	lab_ip "$LAB_INET" <<-END
		link add gre-gw mtu 1476 type gre local 203.0.113.254 remote 203.0.113.3
		link set gre-gw up
	END
	lab_ip "$LAB_GW" <<-END
		link add gre-wan mtu 1476 type gre local 203.0.113.3 remote 203.0.113.254
		link set gre-wan up
		route replace 198.51.100.0/24 dev gre-wan src 203.0.113.3
		link add vx0 mtu 1370 type vxlan id 7 local 10.30.0.3 remote 10.30.0.1 dstport 4789
		address add 10.32.0.3/24 dev vx0
		link set vx0 up
	END
	lab_ip "$LAB_RELAY" <<-END
		link add vx0 mtu 1370 type vxlan id 7 local 10.30.0.1 remote 10.30.0.3 dstport 4789
		address add 10.32.0.1/24 dev vx0
		link set vx0 up
		route add 192.168.3.69 via 10.32.0.3
	END
	start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start"
	small_traffic
	name="VXLAN over WireGuard over GRE" whole download
	ip -n "$LAB_RELAY" route del 192.168.3.69
	name="WireGuard over GRE" whole download
	refute_record "$MTUSCOPE_RECORDS" '.mtuscope.finding.severity == "critical"' "WireGuard over GRE: fragments pass, no alarm"
	check "WireGuard over GRE: the gateway warns" wait_record "$MTUSCOPE_RECORDS" 10 ".mtuscope.finding |
		select(. and .class == \"tunnel-mtu-too-large\" and .recommended_mtu == 1416 and .interface == \"wg0\")"
	lab_path_mtu 1500 1460
	download
	found "WireGuard over GRE on a path of 1460" "$MTUSCOPE_RECORDS" fragment-blackhole 1436 - "$LAB_RELAY_KEY"
	stop_mtuscope
	assert_record "$MTUSCOPE_RECORDS" '.mtuscope.status | .state == "exit" and .lost.unparsed == 0' "all of it is read"
	lab_kill "$ping"
}

# parts PART...: one after the other.
parts()
{
	local part overhead tunnel

	for part; do
		overhead=60 tunnel=wg0
		"$part"
		lab_demolish
	done
}

lab_beside first parts jumbo access_links fragments behind_nat
parts ipv6_underlay uplinks tunnel_in_tunnel padding layers redirected echo_alone
lab_join
done_testing
