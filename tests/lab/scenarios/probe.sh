#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Probing. A black hole that traffic has shown is measured to the byte, so that the recommended MTU is the best one; by
# no more than 40 packets, none of them on a path that is well.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard

download()
{
	lab_spawn "$LAB_RELAY" /dev/null /dev/null timeout 30 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5001 --bytes 200000
}

# count_probes: counts what the gateway sends into the tunnel by itself, and to the relay beside it.
count_probes()
{
	in_ns "$LAB_GW" nft -f - <<-END || bail_out "cannot count probes"
		table inet probes
		delete table inet probes
		table inet probes {
			chain out {
				type filter hook output priority 0;
				oifname wg0 counter
				oifname wan0 udp dport 33434-50000 counter
				oifname wan0 icmp type echo-request counter
				oifname wan0 icmpv6 type echo-request counter
			}
		}
	END
}

probes_sent()
{
	in_ns "$LAB_GW" nft -j list table inet probes | jq '[.nftables[].rule?.expr[]?.counter?.packets // 0] | add'
}

# hole NAME TRUTH MTU: watched on the gateway with --probe, it ends with the truth and the best MTU.
hole()
{
	local name=$1 truth=$2 mtu=$3 sent ping

	# Below Ethernet's MTU one stalled flow alone is no finding: the small traffic that every gateway has.
	lab_spawn "$LAB_RELAY" /dev/null /dev/null ping -n -i 1 "$LAB_SERVER_IP"
	ping=$LAB_PID
	count_probes
	start_mtuscope "$LAB_GW" watch --probe || bail_out "mtuscope does not start"
	download
	check "$name: the path MTU is exactly $truth, set $mtu" wait_record "$MTUSCOPE_RECORDS" 60 \
		".mtuscope.finding | select(. and .path_mtu.exact and .path_mtu.lower == $truth and
		.path_mtu.upper == $truth + 1 and .recommended_mtu == $mtu and .recommended_basis == \"probe\" and .state == \"update\")"
	assert_record "$MTUSCOPE_RECORDS" ".mtuscope.finding | select(. and any(.evidence[]; .kind == \"probe\" and .count <= 40 and
		.min_size < .max_size) and .fix[0] == \"ip link set dev wg0 mtu $mtu\")" "$name: labelled as probed, with the command that cures it"
	sent=$(probes_sent)
	check "$name: at most 40 packets were sent ($sent)" test "$sent" -le 40
	stop_mtuscope
	refute_record "$MTUSCOPE_RECORDS" '.mtuscope.finding | select(. and .direction == "rx")' "$name: nothing is said of the other direction"
	lab_kill "$ping"
	lab_end_flows
}

lab_incident
lab_serve 5001 --send 200000
hole "path of 1500" 1500 1440
lab_path_mtu 1492
hole "path of 1492" 1492 1432
lab_path_mtu 9001 1400
hole "1400 towards the relay, 9001 from it" 1400 1340

lab_path_mtu 1492
in_ns "$LAB_RELAY" nft -f - <<-END
	table inet filter { chain in { type filter hook input priority 0; icmp type echo-request drop; }; }
END
hole "echo filtered" 1492 1432
in_ns "$LAB_RELAY" nft delete table inet filter

# A path that is well: nothing found, nothing sent.
lab_path_mtu 9001
count_probes
start_mtuscope "$LAB_GW" watch --probe || bail_out "mtuscope does not start"
download
wait "$LAB_PID"
stop_mtuscope
refute_record "$MTUSCOPE_RECORDS" '.mtuscope.finding' "a good path: nothing is found"
is "$(probes_sent)" 0 "a good path: nothing is sent"
lab_demolish

lab_incident --prefix "v6-$$-" --v6-underlay --tunnel-mtu-a 1420 --tunnel-mtu-b 1420 --path-mtu 1400
lab_serve 5001 --send 200000
hole "IPv6 underlay of 1400" 1400 1320
done_testing
