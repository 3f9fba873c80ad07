#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The classes of findings that are no hole in the path, a row each: too-big messages ignored, suppressed or
# forged, MTUs and MSS that do not fit, fragments that are not put together, peers that cannot be reached.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
traffic=()

# row NAME NS CLASS STATUS SECONDS COMMAND...: the command leads to a finding of the class within the time, and to no other
# class of its severity; mtuscope ends with that exit status.
row()
{
	local name=$1 ns=$2 class=$3 status=$4 seconds=$5

	shift 5
	start_mtuscope "$ns" || bail_out "mtuscope does not start"
	"$@"
	check "$name: $class is found" wait_record "$MTUSCOPE_RECORDS" "$seconds" \
		".mtuscope.finding | select(.class == \"$class\" and .interface == \"wg0\" and .state == \"open\")"
	check "$name: it names a cure" lab_find_record "$MTUSCOPE_RECORDS" ".mtuscope.finding.fix | select(. and length > 0)"
	stop_mtuscope
	calm
	is "$MTUSCOPE_STATUS" "$status" "$name: exit status $status"
	is "$(jq -r 'select(.mtuscope.finding) | .mtuscope.finding.class' "$MTUSCOPE_RECORDS" | sort -u)" "$class" \
		"$name: and nothing else is said"
}

# Ends the row's traffic, and lets every host forget what it has learned of paths.
calm()
{
	lab_kill "${traffic[@]}"
	traffic=()
	lab_end_flows
}

# traffic NS COMMAND...: in the background, until the row ends.
traffic()
{
	lab_spawn "$1" /dev/null "$(lab_file traffic.err)" "${@:2}"
	traffic+=("$LAB_PID")
}

# A datagram five times a second that does not fit into the tunnel and must not be fragmented.
too_big_datagrams()
{
	traffic "$LAB_SERVER" timeout 15 "$LAB_TRAFFIC" udp-send 10.30.0.1 9 --size 3000 --count 60 --interval 200 --df
}

# nft_drop NS HOOK RULE: a filter of that rule; nft_clear NS removes it.
nft_drop()
{
	in_ns "$1" nft -f - <<<"table inet lab { chain filter { type filter hook $2 priority 0; $3 drop; }; }"
}

nft_clear()
{
	in_ns "$1" nft delete table inet lab
}

mtu_too_large()
{
	ip -n "$LAB_GW" link set wg0 mtu 8960
}

# A connection from before mtuscope's first look at the tunnel's MTU, soon after "ready", is not judged. The next one is, if
# the server has not kept what a too-big message told it, by which it would announce less.
connect()
{
	wait_for 5 "a connection that is judged" connect_once
}

connect_once()
{
	ip -n "$LAB_SERVER" route flush cache
	in_ns "$LAB_RELAY" timeout 5 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5001 --bytes 1000 >/dev/null
	lab_find_record "$MTUSCOPE_RECORDS" '.mtuscope.finding.class == "mss-too-large"'
}

big_pings()
{
	traffic "$LAB_RELAY" ping -n -i 0.5 -c 10 -M dont -s 3000 "$LAB_SERVER_IP"
}

download()
{
	traffic "$LAB_RELAY" timeout 20 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5001 --bytes 200000
}

# A new peer entry has no session: WireGuard must shake hands, and nobody answers there.
wrong_endpoint()
{
	in_ns "$LAB_RELAY" wg set wg0 peer "$LAB_GW_KEY" remove
	in_ns "$LAB_RELAY" wg set wg0 peer "$LAB_GW_KEY" endpoint 203.0.113.77:51820 allowed-ips 10.30.0.3/32,192.168.3.0/24
	traffic "$LAB_RELAY" ping -n -i 1 "$LAB_SERVER_IP"
}

no_endpoint()
{
	in_ns "$LAB_RELAY" wg set wg0 peer "$LAB_GW_KEY" remove
	in_ns "$LAB_RELAY" wg set wg0 peer "$LAB_GW_KEY" allowed-ips 10.30.0.3/32,192.168.3.0/24
	traffic "$LAB_RELAY" ping -n -i 1 "$LAB_SERVER_IP"
}

# A too-big message with MTU 68 about the tunnel's own packets, made by hand in the internet.
forged()
{
	local icmp='\x03\x04\x34\x16\x00\x00\x00\x44' # type, code, checksum, unused, MTU 68
	local quote='\x45\x00\x05\xdc\x00\x00\x00\x00\x40\x11\x00\x00\xc6\x33\x64\x01\xcb\x00\x71\x03\xca\x6c\xca\x6c\x05\xc8\x00\x00'

	# shellcheck disable=SC2059 # the bytes are the format
	for _ in 1 2 3; do printf "$icmp$quote" | in_ns "$LAB_INET" socat -u - IP-SENDTO:198.51.100.1:1; done
}

queue_is_full()
{
	(($(in_ns "$LAB_RELAY" sed -n 's/^FRAG: .*memory //p' /proc/net/sockstat) > 60000))
}

# Beginnings of packets that never end fill the queue, which is small here.
starved_download()
{
	in_ns "$LAB_RELAY" sysctl -qw net.ipv4.ipfrag_low_thresh=0 net.ipv4.ipfrag_high_thresh=65536
	ip -n "$LAB_INET" route replace 198.51.100.1 dev to-relay mtu lock 1500
	in_ns "$LAB_INET" tc qdisc add dev to-relay clsact
	in_ns "$LAB_INET" tc filter add dev to-relay egress protocol ip flower src_ip 198.51.100.254 ip_flags nofirstfrag \
		action drop || bail_out "cannot drop the ends of packets"
	traffic "$LAB_INET" ping -n -q -i 0.02 -s 1600 198.51.100.1
	wait_for 20 "the queue to fill" queue_is_full || bail_out "the queue of fragments does not fill"
	download
}

lab_incident --tunnel-mtu-a 1420 --tunnel-mtu-b 1420
lab_serve 5001 --send 200000

row "tunnel MTU above the egress link's" "$LAB_GW" tunnel-mtu-too-large 1 5 mtu_too_large
lab_tunnel_mtu 1420 1420

nft_drop "$LAB_SERVER" input "icmp type destination-unreachable"
row "a host that does not listen" "$LAB_GW" ptb-ignored 2 10 too_big_datagrams
nft_clear "$LAB_SERVER"

nft_drop "$LAB_GW" output "icmp type destination-unreachable"
row "messages that never leave" "$LAB_GW" ptb-suppressed 2 10 too_big_datagrams
nft_clear "$LAB_GW"

ip -n "$LAB_RELAY" route replace 192.168.3.0/24 dev wg0 advmss 8000
row "nobody clamps the MSS" "$LAB_GW" mss-too-large 1 5 connect
ip -n "$LAB_RELAY" route replace 192.168.3.0/24 dev wg0

row "a forged too-big message" "$LAB_RELAY" ptb-forged 1 5 forged

lab_path_mtu 9001
lab_tunnel_mtu 4000 1420
row "the peer's MTU is larger" "$LAB_GW" tunnel-mtu-mismatch 1 8 big_pings
lab_tunnel_mtu 1420 1420

row "no endpoint" "$LAB_RELAY" peer-unreachable 1 5 no_endpoint
row "an endpoint where nobody is" "$LAB_RELAY" peer-unreachable 1 25 wrong_endpoint
lab_demolish

lab_incident --prefix "frag-$$-" --gateway-nic 1500
lab_serve 5001 --send 200000
row "T14: no room to put fragments together" "$LAB_RELAY" reassembly-failure 2 15 starved_download
done_testing
