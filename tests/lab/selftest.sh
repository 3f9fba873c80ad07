#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Checks the lab and nothing else: the incident's path must kill what it should,
# and nobody may say a word about it.  TAP on stdout; run as root, in scripts/vm.

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

all_ns()
{
	local ns sum=0

	for ns in "$LAB_RELAY" "$LAB_INET" "$LAB_GW" "$LAB_SERVER"; do
		sum=$((sum + $(lab_counter "$ns" "$@")))
	done
	echo "$sum"
}

# Nothing in any of the four hosts has fragmented or said "too big".
path_is_silent()
{
	is "$(all_ns IpFragCreates Ip6FragCreates)" 0 "$1: nobody fragmented"
	is "$(all_ns IcmpOutDestUnreachs IcmpInDestUnreachs Icmp6OutPktTooBigs Icmp6InPktTooBigs)" 0 \
		"$1: nobody sent or got a too-big message"
}

# Inner 1440 is padded to 1440 and leaves as 1440 + 60; inner 1441 is padded to 1456.
test_sizes_on_ipv4()
{
	lab_incident
	check "inner 1440 passes a path of 1500" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 1412
	check_fails "inner 1441 does not" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 1413
	check "from the server: 1440 passes" lab_pings "$LAB_SERVER" 10.30.0.1 1412
	check_fails "from the server: 1441 does not" lab_pings "$LAB_SERVER" 10.30.0.1 1413
	is "$(lab_path_drops)" 2 "the path swallowed two packets"
	path_is_silent "after the pings"
}

test_path_in_one_direction()
{
	lab_path_mtu 1500 9001
	check_fails "one narrow direction is enough to lose a large ping" \
		lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 1413
	is "$(lab_path_drops)" 1 "it was lost on the way to the gateway"
	lab_path_mtu 9001 1500
	check_fails "the other narrow direction as well" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 1413
	is "$(lab_path_drops)" 1 "its answer was lost"
	lab_path_mtu 1500
}

test_tls()
{
	tls_server "$LAB_SERVER" 4433
	is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 4433 6)" stalled "TLS stalls at 8921/8920 on a path of 1500"
	path_is_silent "after the stall"
	# Or it goes on to retransmit, and gets a too-big message from the gateway at 1420.
	in_ns "$LAB_SERVER" ss -K dst 10.30.0.1 >/dev/null
	lab_tunnel_mtu 1420 1420
	is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 4433 20)" complete "TLS completes at 1420"
	lab_tunnel_mtu 8921 8920
	lab_path_mtu 9001
	is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 4433 20)" complete "TLS completes on a path of 9001"
	check "inner 8920 passes a path of 9001" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 8892
	is "$(lab_path_drops)" 0 "a path of 9001 drops nothing"
	path_is_silent "after TLS"
}

# One datagram of 2000 bytes of IP: the router fragments its outer packet in two.
test_other_paths()
{
	lab_path_honest 1500
	check "an honest router fragments IPv4 without DF" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 1972
	check "and that is counted" test "$(lab_counter "$LAB_INET" IpFragCreates)" -ge 4
	lab_path_no_fragments
	check_fails "fragments die on a path without fragments" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 1972
	check "and are counted" test "$(lab_path_drops)" -ge 1
	check "the rest passes" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 1412
}

test_traffic()
{
	local sink

	if [[ ! -x $LAB_TRAFFIC ]]; then
		skip "traffic helper" "$LAB_TRAFFIC is not built"
		return
	fi
	lab_path_mtu 9001
	sink=$(lab_file sink.out)
	lab_spawn "$LAB_SERVER" "$sink" "$(lab_file sink.err)" "$LAB_TRAFFIC" udp-sink 5000 --count 3
	wait_for 10 "the sink" lab_listens_udp "$LAB_SERVER" 5000
	in_ns "$LAB_RELAY" "$LAB_TRAFFIC" udp-send "$LAB_SERVER_IP" 5000 --size 1000 --count 3 >/dev/null
	check "three datagrams arrive" wait_for 10 "the sink's sum" grep -q '^datagrams 3 bytes 3000$' "$sink"
	lab_spawn "$LAB_SERVER" /dev/null "$(lab_file serve.err)" "$LAB_TRAFFIC" tcp-serve 5001 --send 200000
	wait_for 10 "the TCP server" lab_listens "$LAB_SERVER" 5001
	is "$(in_ns "$LAB_RELAY" "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5001 --bytes 200000 --timeout 20)" \
		"bytes 200000" "200000 bytes arrive over TCP"
}

lab_listens_udp()
{
	[[ -n $(in_ns "$1" ss -Huln "sport = :$2") ]]
}

# Outer IPv6 costs 80: inner 1408 leaves as 1488, inner 1424 as 1504.
test_sizes_on_ipv6()
{
	lab_incident --v6-underlay --prefix "six$$-"
	check "outer IPv6: inner 1408 passes a path of 1500" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 1380
	check_fails "outer IPv6: inner 1409 does not" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 1381
	check "inner IPv6 works as well" lab_pings "$LAB_RELAY" fd03::69 1000
	path_is_silent "outer IPv6"
}

lab_require_wireguard
test_sizes_on_ipv4
test_path_in_one_direction
test_tls
test_traffic
test_other_paths
test_sizes_on_ipv6
done_testing
