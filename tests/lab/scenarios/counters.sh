#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The counters are true: sizes and numbers as a capture on the far side of the wire has them, although the gateway works
# with super-packets; loss as the path has it, and reordering is none; each peer's packets are that peer's.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard

# counters JQ_FILTER: of the last record of counters.
counters()
{
	jq -r "select(.mtuscope.counters) | .mtuscope.counters | $1" "$MTUSCOPE_RECORDS" | tail -n 1
}

# link NAME DIRECTION JQ_FILTER
link()
{
	counters "[.links[] | select(.name == \"$1\" and .direction == \"$2\")][0] | $3"
}

# peer PUBLIC_KEY JQ_FILTER
peer()
{
	counters "[.peers[] | select(.public_key == \"$1\")][0] | $2"
}

# between VALUE LEAST MOST
between()
{
	(($1 >= $2 && $1 <= $3))
}

# capture NAME NS IF: all of WireGuard's datagrams that pass there, until capture_end.
capture()
{
	CAPTURE=$(lab_file "$1.pcap")
	lab_spawn "$2" /dev/null "$CAPTURE.err" tcpdump -Z root -ni "$3" -s 64 -B 16384 -w "$CAPTURE" udp port 51820
	CAPTURE_PID=$LAB_PID
	wait_for 10 "tcpdump" grep -q "listening on" "$CAPTURE.err" || bail_out "tcpdump does not start"
}

capture_end()
{
	# What lies in its buffer is read once a second, and not at all after the signal.
	sleep 1.5
	kill -INT "$CAPTURE_PID"
	lab_gone_within 100 "$CAPTURE_PID" || bail_out "tcpdump does not end"
}

# captured FILTER: prints [[size, count], ...] as a record does, from the IP lengths of the capture.
captured()
{
	# The first length of a line is that of the Ethernet frame.
	tcpdump -entqr "$CAPTURE" "$1" 2>/dev/null | awk '
		match($0, /length [0-9]+:/) { slots[int((substr($0, RSTART + 7, RLENGTH - 8) - 14) / 16) * 16]++ }
		END { for (size in slots) print size, slots[size] }' | sort -n |
		jq -Rcs '[split("\n")[] | select(. != "") | split(" ") | map(tonumber)]'
}

# capture_lost: prints how many packets the capture had no room for. One that comes while tcpdump ends is received and not
# captured, and none of ours: mtuscope has ended before.
capture_lost()
{
	awk '/dropped by kernel/ { print $1 }' "$CAPTURE.err"
}

# fresh_sessions: both ends forget what they know of each other; no timer is left that sends by itself.
fresh_sessions()
{
	local ns file

	for ns in "$LAB_RELAY" "$LAB_GW"; do
		file=$(lab_file "$ns.conf")
		in_ns "$ns" wg showconf wg0 >"$file"
		in_ns "$ns" wg setconf wg0 "$file" || bail_out "cannot configure WireGuard anew"
		rm -f "$file"
	done
}

# skbs_in NS IF: how many packets came in there, super-packets as one.
skbs_in()
{
	ip -n "$1" -j -s link show dev "$2" | jq '.[0].stats64.rx.packets'
}

# --- sizes ------------------------------------------------------------------

# transfer: 90 MB from the server to the relay, then 10 MB back.
transfer()
{
	lab_spawn "$LAB_SERVER" /dev/null "$(lab_file send.err)" "$LAB_TRAFFIC" tcp-serve 5001 --send 90000000
	lab_spawn "$LAB_SERVER" /dev/null "$(lab_file sink.err)" "$LAB_TRAFFIC" tcp-serve 5002 --bytes 10000000
	wait_for 10 "the servers" lab_listens "$LAB_SERVER" 5001
	wait_for 10 "the servers" lab_listens "$LAB_SERVER" 5002
	in_ns "$LAB_RELAY" timeout 180 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5001 --bytes 90000000 >/dev/null &&
		in_ns "$LAB_RELAY" timeout 180 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5002 --send 10000000 >/dev/null
}

sizes()
{
	local where skbs

	lab_offload "$LAB_GW" lan0
	lab_offload "$LAB_SERVER" eth0
	lab_offload "$LAB_GW" wan0
	lab_offload "$LAB_RELAY" eth0
	fresh_sessions
	start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start"
	capture wire "$LAB_INET" to-relay
	skbs=$(skbs_in "$LAB_GW" lan0)
	check "sizes: 100 MB come through" transfer
	# A keep-alive would follow the last data ten seconds later, captured and no more counted.
	fresh_sessions
	skbs=$(($(skbs_in "$LAB_GW" lan0) - skbs))
	stop_mtuscope
	capture_end

	is "$(capture_lost)" 0 "sizes: the capture is complete"
	check "sizes: the gateway worked with super-packets ($skbs for $(link wg0 tx .packets) packets)" \
		test $((skbs * 2)) -lt "$(link wg0 tx .packets)"
	for where in wg0 wan0; do
		is "$(link $where tx .oversized) $(link $where rx .oversized)" "0 0" "sizes: nothing oversized on $where"
	done
	is "$(link wan0 tx '.sizes | tojson')" "$(captured "src host 203.0.113.3")" "sizes: sent as captured"
	is "$(link wan0 rx '.sizes | tojson')" "$(captured "dst host 203.0.113.3")" "sizes: received as captured"
	is "$(link wan0 tx '.wg_packets - ([.sizes[][1]] | add)')" 0 "sizes: each datagram is in the histogram"
	is "$(link wg0 tx '.packets - ([.sizes[][1]] | add)')" 0 "sizes: each inner packet is in the histogram"
	is "$(link wg0 tx '.sizes[-1][0]')" 1408 "sizes: the largest inner packets have 1420 bytes"
	is "$(jq -r .event.dataset "$MTUSCOPE_RECORDS" | tail -n 2 | xargs)" "mtuscope.counters mtuscope.status" \
		"sizes: the last counters come just before the last status"
	check "sizes: there are counters every ten seconds and at the end" on_time
	is "$MTUSCOPE_STATUS" 0 "sizes: and nothing is wrong"
}

# on_time: as many records of counters as the time of the watch makes, give or take a late tick.
on_time()
{
	local ms n

	ms=$(jq -s 'map(."@timestamp" | (.[0:19] + "Z" | fromdate) * 1000 + (.[20:23] | tonumber)) | last - first' \
		"$MTUSCOPE_RECORDS")
	n=$(jq -r 'select(.mtuscope.counters).event.dataset' "$MTUSCOPE_RECORDS" | wc -l)
	between "$n" $((1 + (ms - 1500) / 10000)) $((1 + ms / 10000))
}

# --- peers ------------------------------------------------------------------

# datagrams NS ADDRESS OPTION...: to the sink there.
datagrams()
{
	local ns=$1 address=$2

	shift 2
	in_ns "$ns" "$LAB_TRAFFIC" udp-send "$address" 9000 "$@" >/dev/null
}

peers()
{
	lab_branch
	lab_spawn "$LAB_GW" /dev/null /dev/null "$LAB_TRAFFIC" udp-sink 9000
	start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start"
	check "peers: the relay sends" datagrams "$LAB_RELAY" 10.30.0.3 --size 400 --count 300 --interval 1
	check "peers: the branch sends" datagrams "$LAB_BRANCH" 10.30.0.3 --size 1000 --count 700 --interval 1
	check "peers: the gateway answers the branch" lab_pings "$LAB_GW" 10.30.0.7 1392
	stop_mtuscope

	# A keep-alive or an echo may be among them.
	check "peers: the relay's packets are the relay's" between "$(peer "$LAB_RELAY_KEY" .rx.received)" 300 303
	check "peers: the branch's packets are the branch's" between "$(peer "$LAB_BRANCH_KEY" .rx.received)" 700 704
	# 400 and 1000 bytes, 28 for UDP, padded to 16; 60 around; the echo that fills the tunnel is the branch's.
	check "peers: of the relay's sizes" between "$(peer "$LAB_RELAY_KEY" .rx.largest)" 0 492
	check "peers: and the branch's" between "$(peer "$LAB_BRANCH_KEY" .rx.largest)" 1000 1480
	is "$(peer "$LAB_BRANCH_KEY" .tx.largest)" 1480 "peers: what is sent to one"
	check "peers: is not sent to the other" between "$(peer "$LAB_RELAY_KEY" '.tx.largest // 0')" 0 200
	is "$(peer "$LAB_RELAY_KEY" .rx.lost) $(peer "$LAB_BRANCH_KEY" .rx.lost)" "0 0" "peers: nothing is lost"
	is "$(counters '.peers | length')" 2 "peers: there are no others"
}

# --- loss -------------------------------------------------------------------

# loss: on a path that loses 3 % and lets 25 % overtake, 20 000 datagrams to the relay, in bursts of ten.
loss()
{
	local dropped lost received

	lab_no_offload "$LAB_INET" to-relay
	in_ns "$LAB_INET" tc qdisc add dev to-relay root netem limit 20000 loss 3% delay 10ms reorder 25% ||
		bail_out "no netem"
	lab_spawn "$LAB_RELAY" /dev/null /dev/null "$LAB_TRAFFIC" udp-sink 9000
	start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start"
	dropped=$(netem_drops)
	check "loss: 20 000 datagrams are sent" \
		datagrams "$LAB_GW" 10.30.0.1 --size 12000 --gso 1200 --count 2000 --interval 4
	sleep 0.5
	dropped=$(($(netem_drops) - dropped))
	stop_mtuscope

	lost=$(peer "$LAB_GW_KEY" .rx.lost)
	received=$(peer "$LAB_GW_KEY" .rx.received)
	note "netem dropped $dropped; $lost counted as lost, $received received"
	check "loss: the path did lose some" test "$dropped" -gt 300
	check "loss: as counted, within 0.1 percentage points" between "$lost" $((dropped - 20)) $((dropped + 20))
	check "loss: lost and received are what was sent" between $((lost + received)) 19980 20040
}

netem_drops()
{
	in_ns "$LAB_INET" tc -s -j qdisc show dev to-relay | jq '[.[] | select(.kind == "netem")][0].drops'
}

lab_incident --tunnel-mtu-a 1420 --tunnel-mtu-b 1420
sizes
peers
loss
done_testing
