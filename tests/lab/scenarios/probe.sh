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

watching()
{
	start_mtuscope "$LAB_GW" watch --probe
}

# The daemon, which has given up its privileges.
serving()
{
	MTUSCOPE_RECORDS=$(lab_file serve.json)
	lab_spawn "$LAB_GW" "$MTUSCOPE_RECORDS" "$(lab_file serve.err)" "$LAB_MTUSCOPE" serve --probe --format ecs --listen 9586
	MTUSCOPE_PID=$LAB_PID
	wait_record "$MTUSCOPE_RECORDS" 60 '.mtuscope.status.state | IN("ready", "degraded")'
}

# hole NAME TRUTH MTU [START]: watched on the gateway with --probe, it ends with the truth and the best MTU. There is one
# stalled flow and no other traffic: up to Ethernet's MTU that proves nothing by itself, and the probes must settle it.
hole()
{
	local name=$1 truth=$2 mtu=$3 start=${4:-watching} sent

	count_probes
	$start || bail_out "mtuscope does not start"
	download
	check "$name: the path MTU is exactly $truth, set $mtu" wait_record "$MTUSCOPE_RECORDS" 60 \
		".mtuscope.finding | select(. and .path_mtu.exact and .path_mtu.lower == $truth and
		.path_mtu.upper == $truth + 1 and .recommended_mtu == $mtu and .recommended_basis == \"probe\" and .state == \"update\")"
	assert_record "$MTUSCOPE_RECORDS" ".mtuscope.finding | select(. and any(.evidence[]; .kind == \"probe\" and .count <= 40 and
		.min_size < .max_size) and .fix[0] == \"ip link set dev wg0 mtu $mtu\")" "$name: labelled as probed, with the command that cures it"
	sent=$(probes_sent)
	check "$name: at most 40 packets were sent ($sent)" test "$sent" -le 40
	[[ $start != serving ]] || served "$name"
	stop_mtuscope
	assert_record "$MTUSCOPE_RECORDS" ".mtuscope.status | select(. and .state == \"exit\" and .probes_sent == $sent)" \
		"$name: the last status tells how many"
	refute_record "$MTUSCOPE_RECORDS" '.mtuscope.finding | select(. and .direction == "rx")' "$name: nothing is said of the other direction"
	lab_end_flows
}

served()
{
	is "$(stat -c %U "/proc/$MTUSCOPE_PID") $(awk '$1 ~ /^Cap(Prm|Bnd)/ { print $2 }' "/proc/$MTUSCOPE_PID/status" | xargs)" \
		"nobody 0000000000003000 0000000000000000" "$1: by nobody, with CAP_NET_ADMIN and CAP_NET_RAW"
	check "$1: metrics count them" grep -qx "mtuscope_probes_sent_total $(probes_sent)" \
		<(in_ns "$LAB_GW" curl -sS --max-time 10 http://127.0.0.1:9586/metrics)
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
# where a size must fail five times, as it must for mtuscope.
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

# pinged ADDRESS SIZE: an IP packet of that size is answered, once in five.
pinged()
{
	local ping=(ping -n -q -W 0.5 -M "do" -s $(($2 - 28)) "$1")

	PINGS=$((PINGS + 1))
	in_ns "$LAB_GW" "${ping[@]}" -c 1 >/dev/null 2>&1 && return
	PINGS=$((PINGS + 4))
	in_ns "$LAB_GW" "${ping[@]}" -c 4 -i 0.1 >/dev/null 2>&1
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

# tracepath_finds ADDRESS: what it says in the end.
tracepath_finds()
{
	in_ns "$LAB_GW" tracepath -n -m 4 "$1" | sed -nE 's/.*Resume: pmtu ([0-9]+).*/\1/p'
}

probes_taken()
{
	sed -nE 's/^([0-9]+) probes, .*/\1/p' "$(lab_file probe.out)"
}

# Holes that a download shows, one after the other.
holes()
{
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
}

holes_under_ipv6()
{
	lab_incident --v6-underlay --tunnel-mtu-a 1420 --tunnel-mtu-b 1420 --path-mtu 1400
	lab_serve 5001 --send 200000
	hole "IPv6 underlay of 1400" 1400 1320
	hole "serve" 1400 1320 serving
}

# The end that never sees what does not arrive: a client there is alone, and the answer does not come.
hole_from_the_peer()
{
	lab_incident --tunnel-mtu-a 1440 --tunnel-mtu-b 1440
	lab_serve 5001 --send 200000
	lab_path_mtu 1500 1400
	start_mtuscope "$LAB_RELAY" watch --probe || bail_out "mtuscope does not start"
	download
	check "from the peer: the path MTU is exactly 1400, set 1340" wait_record "$MTUSCOPE_RECORDS" 30 \
		'.mtuscope.finding | select(. and .direction == "rx" and .path_mtu.exact and .path_mtu.lower == 1400 and .recommended_mtu == 1340)'
	stop_mtuscope
	refute_record "$MTUSCOPE_RECORDS" '.mtuscope.finding | select(. and .direction == "tx")' "from the peer: nothing is said of the other direction"
}

# What is not fragmented arrives: nobody need be content with 1280.
hole_for_fragments()
{
	lab_incident --relay-nic 1500 --gateway-nic 1500 --tunnel-mtu-a 1480 --tunnel-mtu-b 1480
	lab_serve 5001 --send 200000
	lab_path_no_fragments
	watching || bail_out "mtuscope does not start"
	download
	check "fragments: 1440 is proven" wait_record "$MTUSCOPE_RECORDS" 60 '.mtuscope.finding | select(. and
		.class == "fragment-blackhole" and .path_mtu.lower == 1500 and .recommended_mtu == 1440 and .recommended_basis == "probe")'
	stop_mtuscope
}

# dies NAME RULE: a transfer that has begun is stopped by what the relay drops, until its sender has repeated itself six times.
dies()
{
	start_mtuscope "$LAB_GW" watch --probe || bail_out "mtuscope does not start"
	lab_spawn "$LAB_RELAY" /dev/null /dev/null timeout 60 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5003 --bytes 100000000
	wait_for 10 "the flow" flowing
	in_ns "$LAB_RELAY" nft -f - <<-END
		table inet filter { chain in { type filter hook input priority 0; $2 drop; }; }
	END
	wait_for 30 "retransmissions" stalled_for 6
	stop_mtuscope
	refute_record "$MTUSCOPE_RECORDS" '.mtuscope.finding' "$1: nothing is found"
	in_ns "$LAB_RELAY" nft delete table inet filter
	lab_end_flows
}

# Stalls that are no holes, and a path that is well.
no_holes()
{
	lab_incident --path-mtu 9001
	lab_serve 5001 --send 200000
	lab_serve 5003 --send 100000000

	# A host that dies while it is sent to stalls the flow as well, and so does a firewall that forgets it.
	dies "a host that dies" "iifname wg0"
	lab_spawn "$LAB_RELAY" /dev/null /dev/null ping -n -i 0.5 "$LAB_SERVER_IP"
	pinging=$LAB_PID
	dies "a flow that dies beside a ping" "tcp sport 5003"
	lab_kill "$pinging"

	# A path that is well: nothing found, nothing sent.
	count_probes
	start_mtuscope "$LAB_GW" watch --probe || bail_out "mtuscope does not start"
	download
	wait "$LAB_PID"
	stop_mtuscope
	refute_record "$MTUSCOPE_RECORDS" '.mtuscope.finding' "a good path: nothing is found"
	is "$(probes_sent)" 0 "a good path: nothing is sent"
}

# The command, against ping.
command_and_ping()
{
	lab_incident
	relay=${LAB_RELAY_ENDPOINT%:*}
	for mtu in 1500 1492 1437; do
		lab_path_mtu "$mtu"
		probe_says "probe, path of $mtu" 2 "set $((mtu - 60))" "$LAB_RELAY_KEY"
		ping_finds "$relay"
		is "$PING_MTU" "$mtu" "probe, path of $mtu: ping finds the same"
		check "probe, path of $mtu: in fewer packets ($(probes_taken), ping $PINGS)" test "$(probes_taken)" -lt "$PINGS"
	done
	probe_says "probe, beginning of a key" 2 "path MTU 1437" "${LAB_RELAY_KEY:0:8}"
	probe_says "probe, address behind the peer" 2 "path MTU 1437" 10.30.0.1
	probe_says "probe, endpoint" 1 "path MTU 1437" "$LAB_RELAY_ENDPOINT"
	probe_says "probe, from the uplink" 1 "from wan0" "$LAB_RELAY_ENDPOINT" --from wan0
	probe_says "probe, from an address" 1 "path MTU 1437" "$relay" --from 203.0.113.3
	probe_says "probe, nobody" 3 "neither a numeric address nor" nobody
	probe_says "probe, nothing" 3 "needs: PEER|ADDRESS"
	probe_says "probe, a source that is not there" 3 "neither an address nor an interface" "$relay" --from wan7
	probe_says "probe, an address that nobody has" 3 "nothing answers" 203.0.113.77
	in_ns "$LAB_GW" "$LAB_MTUSCOPE" probe --json "$LAB_RELAY_KEY" >"$(lab_file probe.json)"
	assert_json "$(lab_file probe.json)" "probe --json: every record is JSON"
	assert_record "$(lab_file probe.json)" '.mtuscope.finding | select(. and .class == "path-blackhole" and .path_mtu.exact and
		.recommended_mtu == 1377 and .recommended_basis == "probe")' "probe --json: a finding"
	assert_record "$(lab_file probe.json)" '.mtuscope.status.probe | select(. and .path_mtu.lower == 1437 and .sent <= 40)' \
		"probe --json: the measurement"
}

# A path on which datagrams meet what echo requests do not: what is measured beside the tunnel says nothing of it.
command_beside_another_path()
{
	lab_incident --tunnel-mtu-a 1420 --tunnel-mtu-b 1420
	lab_path_rules "meta l4proto udp meta length > 1400"
	probe_says "probe, a path of datagrams" 2 "set 1328" "$LAB_RELAY_KEY"
	check "probe, a path of datagrams: not to the byte" grep -q "below 1404" "$(lab_file probe.out)"
}

# The command where routers speak, where packets get lost, and where nobody answers.
command_in_trouble()
{
	lab_incident
	relay=${LAB_RELAY_ENDPOINT%:*}

	# A path MTU that the kernel has learned, here of the lowest kind, does not mislead it.
	lab_path_honest 1300
	in_ns "$LAB_GW" ping -n -q -c 2 -M "do" -s 1400 "$relay" >/dev/null 2>&1
	check "the kernel has learned a path MTU" grep -q "mtu 1300" <(ip -n "$LAB_GW" route get "$relay")
	probe_says "probe, too big" 1 "too big for 1300, says 203.0.113.254" "$relay"
	# Where routers speak tracepath finds it as well; packets are counted on the wire.
	ip -n "$LAB_GW" route flush cache
	count_probes
	is "$(tracepath_finds "$relay")" 1300 "tracepath finds 1300"
	traced=$(probes_sent)
	ip -n "$LAB_GW" route flush cache
	count_probes
	probe_says "probe, a router that speaks" 1 "path MTU 1300" "$relay"
	probed=$(probes_sent)
	check "probe, a router that speaks: in fewer packets than tracepath ($probed, $traced)" test "$probed" -lt "$traced"
	lab_path_honest 16000
	lab_path_mtu 1492
	probe_says "probe, with a learned path MTU" 1 "path MTU 1492" "$relay"
	ip -n "$LAB_GW" route flush cache

	# One packet in ten is lost each way.
	lab_path_rules "iifname { to-relay, to-gw } meta length > 1492" "numgen inc mod 10 == 0"
	for _ in 1 2 3; do
		probe_says "probe, with loss" 2 "set 1432" "$LAB_RELAY_KEY"
	done

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
}

first()
{
	holes
	lab_demolish
	holes_under_ipv6
	lab_demolish
	hole_from_the_peer
	lab_demolish
	hole_for_fragments
	lab_demolish
	command_beside_another_path
}

lab_beside first first
command_and_ping
lab_demolish
command_in_trouble
lab_demolish
no_holes
lab_join
done_testing
