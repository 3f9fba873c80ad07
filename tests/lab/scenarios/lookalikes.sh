#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What resembles a black hole and is none: each row is trouble that does not depend on size, or no trouble at all, and
# must end without a critical finding on both ends. The tunnel fits its path.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard

# get SECONDS PORT OPTION...: a client on the relay, which may fail.
get()
{
	local seconds=$1 port=$2

	shift 2
	in_ns "$LAB_RELAY" timeout "$seconds" "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" "$port" "$@" >/dev/null 2>&1
	return 0
}

# netem ARGUMENT...: the internet does that to everything, both ways; none: it is well again.
netem()
{
	local dev

	for dev in to-relay to-gw; do
		in_ns "$LAB_INET" tc qdisc del dev "$dev" root 2>/dev/null
		(($#)) || continue
		in_ns "$LAB_INET" tc qdisc add dev "$dev" root "$@" || bail_out "tc qdisc add $*"
	done
}

# silent NAME COMMAND...: the command's traffic leads to no critical finding on either end.
silent()
{
	local name=$1 relay relay_pid ping

	shift
	start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start"
	relay=$MTUSCOPE_RECORDS relay_pid=$MTUSCOPE_PID
	start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start"
	lab_spawn "$LAB_RELAY" /dev/null /dev/null ping -n -i 0.5 "$LAB_SERVER_IP"
	ping=$LAB_PID
	"$@"
	lab_kill "$ping"
	stop_mtuscope
	refute_record "$MTUSCOPE_RECORDS" '.mtuscope.finding | select(. and .severity == "critical")' "$name: the gateway is silent"
	stop_mtuscope "$relay_pid"
	refute_record "$relay" '.mtuscope.finding | select(. and .severity == "critical")' "$name: the relay is silent"
	netem
	lab_path_mtu 1500
	lab_end_flows
}

# The rows.
idle()
{
	wait_for 4 "nothing to happen" false
}

bulk()
{
	get 15 5001 --bytes 3000000
	get 15 5002 --send 3000000 --bytes 1
}

lossy()
{
	netem netem delay 10ms loss "$1"
	bulk
	# Short connections have few retries to show.
	for _ in 1 2 3 4 5 6; do get 5 5003 --send 300 --bytes 3000; done
}

reordered()
{
	netem netem delay 10ms reorder 75% 50%
	bulk
}

policed()
{
	netem tbf rate 400kbit burst 3000 limit 4500
	get 12 5001 --bytes 400000
}

dies_in_transfer()
{
	lab_spawn "$LAB_RELAY" /dev/null /dev/null timeout 20 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5001 --bytes 3000000000
	wait_for 3 "the transfer to run" false
	lab_path_rules "meta length > 0"
	wait_for 6 "the silence to last" false
}

hung_server()
{
	get 6 5004 --send 300 --bytes 1
}

filtered_port()
{
	in_ns "$LAB_SERVER" nft -f - <<<'table inet filter { chain input { type filter hook input priority 0; tcp dport 5009 drop; }; }'
	get 6 5009 --send 3000
	in_ns "$LAB_SERVER" nft delete table inet filter
}

# Established, then everything from that one client port is dropped by the server; the host lives on.
dead_destination()
{
	in_ns "$LAB_GW" ip address add 192.168.3.70/32 dev lo 2>/dev/null
	in_ns "$LAB_SERVER" nft -f - <<<'table inet filter { chain input { type filter hook input priority 0; tcp dport 5005 meta length > 100 drop; }; }'
	get 6 5005 --send 300 --bytes 1
	in_ns "$LAB_SERVER" nft delete table inet filter
}

# No echo is answered, whatever its size, while small TCP to that host goes on.
no_echo()
{
	in_ns "$LAB_SERVER" nft -f - <<<'table inet filter { chain input { type filter hook input priority 0; icmp type echo-request drop; }; }'
	lab_spawn "$LAB_RELAY" /dev/null /dev/null ping -n -i 0.5 -c 14 -s 1172 "$LAB_SERVER_IP"
	until lab_gone_within 5 "$LAB_PID"; do get 2 5003 --send 300 --bytes 300; done
	in_ns "$LAB_SERVER" nft delete table inet filter
}

lab_incident --tunnel-mtu-a 1420 --tunnel-mtu-b 1420
lab_serve 5001 --send 3000000000
lab_serve 5002 --bytes 3000000 --send 1
lab_serve 5003 --bytes 300 --send 3000
lab_serve 5004 --bytes 300 --hang
lab_serve 5005 --bytes 300 --send 1

silent "idle tunnel" idle
silent "bulk" bulk
silent "1 % loss" lossy 1%
silent "5 % loss" lossy 5%
silent "10 % loss" lossy 10%
silent "reordering" reordered
silent "policer with a tiny queue" policed
silent "peer dies in a transfer" dies_in_transfer
silent "hung server" hung_server
silent "filtered port" filtered_port
silent "a host that answers no echo" no_echo
silent "one destination that answers no data" dead_destination
done_testing
