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

# hole NAME TRUTH MTU: watched on the gateway with --probe, it ends with the truth and the best MTU. There is one stalled
# flow and no other traffic: up to Ethernet's MTU that proves nothing by itself, and the probes must settle it.
hole()
{
	local name=$1 truth=$2 mtu=$3 sent

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
	lab_end_flows
}

flowing()
{
	[[ -n $(in_ns "$LAB_SERVER" ss -Htn state established "sport = :5003") ]]
}

# stalled_for COUNT: some segment of the server has been sent again that often.
stalled_for()
{
	in_ns "$LAB_SERVER" ss -Htin state established | grep -oE 'backoff:[0-9]+' | tr -dc '0-9\n' | awk -v n="$1" '$1 >= n { found = 1 } END { exit !found }'
}

# ping_finds ADDRESS: PING_MTU is the path MTU by bisection with ping, PINGS how many packets that took,
# where a size must fail four times, as it must for mtuscope.
ping_finds()
{
	local low=500 high=8900 middle

	PINGS=0
	while ((high - low > 1)); do
		middle=$(((low + high) / 2))
		if pinged "$1" "$middle"; then low=$middle; else high=$middle; fi
	done
	PING_MTU=$low
}

# pinged ADDRESS SIZE: an IP packet of that size is answered, once in four.
pinged()
{
	for _ in 1 2 3 4; do
		PINGS=$((PINGS + 1))
		in_ns "$LAB_GW" ping -n -q -c 1 -W 0.5 -M "do" -s $(($2 - 28)) "$1" >/dev/null 2>&1 && return
	done
	return 1
}

# probe_says NAME STATUS TEXT ARG...: mtuscope probe on the gateway ends so and says so.
probe_says()
{
	local name=$1 status=$2 text=$3 got=0

	shift 3
	in_ns "$LAB_GW" "$LAB_MTUSCOPE" probe "$@" >"$(lab_file probe.out)" 2>"$(lab_file probe.err)" || got=$?
	is "$got" "$status" "$name: exit status $status"
	check "$name: says '$text'" grep -qF -- "$text" "$(lab_file probe.out)" "$(lab_file probe.err)"
}

probes_taken()
{
	sed -nE 's/^([0-9]+) probes, .*/\1/p' "$(lab_file probe.out)"
}

lab_incident
lab_serve 5001 --send 200000
hole "path of 1500" 1500 1440
lab_path_mtu 1492
hole "path of 1492" 1492 1432
lab_tunnel_mtu 1440 1440
hole "path of 1492, tunnel MTU 1440" 1492 1432
lab_tunnel_mtu 8921 8920
lab_path_mtu 9001 1400
hole "1400 towards the relay, 9001 from it" 1400 1340

lab_path_mtu 1492
in_ns "$LAB_RELAY" nft -f - <<-END
	table inet filter { chain in { type filter hook input priority 0; icmp type echo-request drop; }; }
END
hole "echo filtered" 1492 1432
in_ns "$LAB_RELAY" nft delete table inet filter

# The command, against ping.
relay=${LAB_RELAY_ENDPOINT%:*}
for mtu in 1500 1492 1437; do
	lab_path_mtu "$mtu"
	probe_says "probe, path of $mtu" 2 "set $((mtu - 60))" "$LAB_RELAY_KEY"
	ping_finds "$relay"
	is "$PING_MTU" "$mtu" "probe, path of $mtu: ping finds the same"
	# Paths like 1437 are rare; ping does not make sure, after each loss, that the host still answers.
	((mtu == 1437)) ||
		check "probe, path of $mtu: in fewer packets ($(probes_taken), ping $PINGS)" test "$(probes_taken)" -lt "$PINGS"
done
probe_says "probe, beginning of a key" 2 "path MTU 1437" "${LAB_RELAY_KEY:0:8}"
probe_says "probe, address behind the peer" 2 "path MTU 1437" 10.30.0.1
probe_says "probe, endpoint" 1 "path MTU 1437" "$LAB_RELAY_ENDPOINT"
probe_says "probe, from the uplink" 1 "from wan0" "$LAB_RELAY_ENDPOINT" --from wan0
probe_says "probe, from an address" 1 "path MTU 1437" "$relay" --from 203.0.113.3
probe_says "probe, nobody" 3 "neither an address nor" nobody
probe_says "probe, nothing" 3 "needs: PEER|ADDRESS"
probe_says "probe, a source that is not there" 3 "neither an address nor an interface" "$relay" --from wan7
probe_says "probe, an address that nobody has" 3 "nothing answers" 203.0.113.77
in_ns "$LAB_GW" "$LAB_MTUSCOPE" probe --json "$LAB_RELAY_KEY" >"$(lab_file probe.json)"
assert_json "$(lab_file probe.json)" "probe --json: every record is JSON"
assert_record "$(lab_file probe.json)" '.mtuscope.finding | select(. and .class == "path-blackhole" and .path_mtu.exact and
	.recommended_mtu == 1377 and .recommended_basis == "probe")' "probe --json: a finding"
assert_record "$(lab_file probe.json)" '.mtuscope.status.probe | select(. and .path_mtu.lower == 1437 and .sent <= 40)' \
	"probe --json: the measurement"

# A path MTU that the kernel has learned, here of the lowest kind, does not mislead it.
lab_path_honest 1300
in_ns "$LAB_GW" ping -n -q -c 2 -M "do" -s 1400 "$relay" >/dev/null 2>&1
check "the kernel has learned a path MTU" grep -q "mtu 1300" <(ip -n "$LAB_GW" route get "$relay")
probe_says "probe, too big" 1 "too big for 1300, says 203.0.113.254" "$relay"
lab_path_honest 16000
lab_path_mtu 1492
probe_says "probe, with a learned path MTU" 1 "path MTU 1492" "$relay"
ip -n "$LAB_GW" route flush cache

# One packet in ten is lost each way: the probes may not suffice, and then it says so; it is never wrong.
lab_path_rules "iifname { to-relay, to-gw } meta length > 1492" "numgen random mod 10 == 0"
status=0
in_ns "$LAB_GW" "$LAB_MTUSCOPE" probe "$LAB_RELAY_KEY" >"$(lab_file probe-loss.out)" 2>"$(lab_file probe-loss.err)" || status=$?
check "probe, with loss: a black hole, or could not tell ($status)" test "$status" -ge 2
check_fails "probe, with loss: nothing is recommended that does not arrive" \
	grep -vE 'set (1424|1432)$' <(grep -oE 'set [0-9]+' "$(lab_file probe-loss.out)")

# Nobody there: silence, and not a black hole.
lab_path_mtu 1492
in_ns "$LAB_RELAY" nft -f - <<-END
	table inet filter { chain in { type filter hook input priority 0; iifname wg0 drop; icmp type echo-request drop; meta l4proto udp udp dport 33434-50000 drop; }; }
END
probe_says "probe, dead host" 3 "nothing answers" 10.30.0.1
in_ns "$LAB_RELAY" nft delete table inet filter

lab_path_mtu 1500
lab_tunnel_mtu 1440 1440
probe_says "probe, the right MTU" 0 "the MTU 1440 of wg0 is right" "$LAB_RELAY_KEY"
lab_tunnel_mtu 8921 8920

# A host that dies while it is sent to stalls the flow as well.
lab_path_mtu 9001
lab_serve 5003 --send 100000000
start_mtuscope "$LAB_GW" watch --probe || bail_out "mtuscope does not start"
lab_spawn "$LAB_RELAY" /dev/null /dev/null timeout 60 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5003 --bytes 100000000
wait_for 10 "the flow" flowing
in_ns "$LAB_RELAY" nft -f - <<-END
	table inet filter { chain in { type filter hook input priority 0; iifname wg0 drop; }; }
END
wait_for 30 "retransmissions" stalled_for 6
stop_mtuscope
refute_record "$MTUSCOPE_RECORDS" '.mtuscope.finding' "a host that dies: nothing is found"
in_ns "$LAB_RELAY" nft delete table inet filter
lab_end_flows

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
