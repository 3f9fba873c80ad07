#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What resembles a black hole and is none: each row is trouble that does not depend on size, or no trouble at all, and
# must end without a critical finding on both ends. The tunnel fits its path. A row is a function; its name is the test's.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
path_mtu=1500

# get SECONDS PORT OPTION...: a client on the relay, which may fail.
get()
{
	local seconds=$1 port=$2

	shift 2
	in_ns "$LAB_RELAY" timeout "$seconds" "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" "$port" "$@" >/dev/null 2>&1
	return 0
}

# drop RULE: the server does, until undrop.
drop()
{
	in_ns "$LAB_SERVER" nft -f - <<<"table inet filter { chain input { type filter hook input priority 0; $1 drop; }; }"
}

undrop()
{
	in_ns "$LAB_SERVER" nft delete table inet filter
}

# netem ARGUMENT...: the internet does that to everything, both ways; none: it is well again.
netem()
{
	local dev

	path_hurt=yes
	for dev in to-relay to-gw; do
		in_ns "$LAB_INET" tc qdisc del dev "$dev" root 2>/dev/null
		(($#)) || continue
		in_ns "$LAB_INET" tc qdisc add dev "$dev" root handle 1: "$@" || bail_out "tc qdisc add $*"
	done
}

# alarms: prints the critical findings of both ends, by time.
alarms()
{
	jq -Rc 'fromjson? | select(.mtuscope.finding.severity? == "critical") | [."@timestamp", .mtuscope.finding]' \
		"$MTUSCOPE_RECORDS" "$RELAY_RECORDS" | sort
}

# silence NAME: nothing critical was said on either end since the last time.
silence()
{
	local all

	mapfile -t all < <(alarms)
	is "${all[*]:alarms_known}" "" "$1: both ends are silent"
	alarms_known=${#all[@]}
}

# heal: the path is as it was. A row that hurts it says so in path_hurt.
heal()
{
	netem
	lab_path_mtu "$path_mtu"
}

# watch NAME ROW...: both ends are watched afresh while the rows pass. Rows share a watch, as they do in real life, but those
# that make it expect loss come last.
watch()
{
	local name=$1

	shift
	alarms_known=0
	start_both || bail_out "mtuscope does not start"
	for row; do
		lab_spawn "$LAB_RELAY" /dev/null /dev/null ping -n -i 0.5 "$LAB_SERVER_IP"
		ping=$LAB_PID
		path_hurt=
		$row
		lab_kill "$ping"
		silence "$name: ${row//_/ }"
		[[ -z $path_hurt ]] || heal
		lab_end_flows
	done
	stop_mtuscope "$RELAY_PID"
	stop_mtuscope
	silence "$name, at the end"
	is "$(jq -s 'map(select(.mtuscope.status.state == "exit")) | length' "$MTUSCOPE_RECORDS" "$RELAY_RECORDS")" 2 \
		"$name: and both have seen it all"
}

# The rows.
idle()
{
	wait_for 3 "nothing to happen" false
}

# keep_alives SECONDS: between WireGuard's keep-alives, on both ends; 0: none.
keep_alives()
{
	in_ns "$LAB_RELAY" wg set wg0 peer "$LAB_GW_KEY" persistent-keepalive "$1"
	in_ns "$LAB_GW" wg set wg0 peer "$LAB_RELAY_KEY" persistent-keepalive "$1"
}

keep_alives_only()
{
	keep_alives 1
	lab_kill "$ping"
	wait_for 4 "a few keep-alives" false
	keep_alives 0
}

bulk()
{
	get 15 5001 --bytes 3000000
	get 15 5002 --send 3000000 --bytes 1
}

super_packets()
{
	local at

	for at in "$LAB_GW lan0" "$LAB_SERVER eth0" "$LAB_GW wan0" "$LAB_RELAY eth0"; do
		# shellcheck disable=SC2086 # two words
		lab_offload $at
	done
	bulk
	lab_no_offload "$LAB_GW" wan0
	lab_no_offload "$LAB_RELAY" eth0
}

# tcp SETTING...: on both hosts.
tcp()
{
	local ns

	for ns in "$LAB_RELAY" "$LAB_SERVER"; do in_ns "$ns" sysctl -qw "${@/#/net.ipv4.tcp_}"; done
}

small_window()
{
	tcp "rmem=4096 4096 4096"
	get 8 5001 --bytes 300000
	tcp "rmem=4096 131072 6291456"
}

# Its window is shut: the sender asks again and again with one byte.
reader_that_sleeps()
{
	get 6 5001 --hang
}

congestion_marks()
{
	tcp ecn=1
	netem tbf rate 4mbit burst 20000 limit 60000
	in_ns "$LAB_INET" tc qdisc add dev to-relay parent 1: red limit 60000 min 3000 max 9000 avpkt 1000 burst 5 \
		bandwidth 4mbit probability 0.2 ecn || bail_out "no red"
	get 8 5001 --bytes 2000000
	tcp ecn=2
}

# The relay forgets the gateway again and again: each time they shake hands.
handshake_storm()
{
	for _ in 1 2 3 4; do
		in_ns "$LAB_RELAY" wg set wg0 peer "$LAB_GW_KEY" remove
		in_ns "$LAB_RELAY" wg set wg0 peer "$LAB_GW_KEY" endpoint "$LAB_GW_ENDPOINT" allowed-ips 10.30.0.3/32,192.168.3.0/24
		get 3 5003 --send 300 --bytes 20000
	done
}

# No echo is answered, whatever its size, while small TCP to that host goes on.
host_that_answers_no_echo()
{
	drop "icmp type echo-request"
	lab_spawn "$LAB_RELAY" /dev/null /dev/null ping -n -i 0.5 -c 14 -s 1172 "$LAB_SERVER_IP"
	until lab_gone_within 5 "$LAB_PID"; do get 2 5003 --send 300 --bytes 300; done
	undrop
}

hung_server()
{
	get 6 5004 --send 300 --bytes 1
}

filtered_port()
{
	drop "tcp dport 5009"
	get 6 5009 --send 3000
	undrop
}

# Established, then the server drops all data of that one connection; the host lives on.
destination_that_answers_no_data()
{
	drop "tcp dport 5005 meta length > 100"
	get 6 5005 --send 300 --bytes 1
	undrop
}

peer_that_dies_in_a_transfer()
{
	lab_spawn "$LAB_RELAY" /dev/null /dev/null timeout 20 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5001 --bytes 3000000000
	wait_for 3 "the transfer to run" false
	path_hurt=yes
	lab_path_rules "meta length > 0"
	wait_for 6 "the silence to last" false
}

host_that_reboots()
{
	lab_spawn "$LAB_RELAY" /dev/null /dev/null timeout 20 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5001 --bytes 3000000000
	wait_for 2 "the transfer to run" false
	drop "meta length > 0"
	wait_for 6 "the silence to last" false
	undrop
	wait_for 4 "it to come back" false
}

# lossy LOSS...: on a longer path; short connections have few retries to show.
lossy()
{
	netem netem delay 10ms loss "$@"
	bulk
	for _ in 1 2 3 4 5 6; do get 5 5003 --send 300 --bytes 3000; done
}

one_percent()
{
	lossy 1%
}

# It did not read, and what is lost after it has gone is none of its sender's.
reader_that_has_gone()
{
	get 6 5001 --hang
	netem netem delay 10ms loss 10%
	in_ns "$LAB_RELAY" ping -n -q -i 0.2 -c 75 "$LAB_SERVER_IP" >/dev/null
}

five_percent_without_sack()
{
	tcp sack=0 timestamps=0
	lossy 5%
	tcp sack=1 timestamps=1
}

ten_percent()
{
	lossy 10%
}

bursts()
{
	lossy gemodel 2% 20% 100% 0%
}

reordering()
{
	netem netem delay 10ms reorder 75% 50%
	bulk
}

byte_policer()
{
	path_hurt=yes
	in_ns "$LAB_INET" tc qdisc add dev to-relay clsact
	in_ns "$LAB_INET" tc filter add dev to-relay egress matchall action police rate 300kbit burst 4k conform-exceed drop ||
		bail_out "no policer"
	for _ in 1 2 3 4; do get 5 5003 --send 300 --bytes 20000; done
}

tiny_queue()
{
	netem tbf rate 400kbit burst 3000 limit 4500
	get 12 5001 --bytes 400000
}

# The tunnel of the incident, on a path that carries it.
jumbo_bulk()
{
	bulk
}

jumbo_loss()
{
	lossy 5%
}

# The relay's tunnel takes a byte more than the gateway's: the server is told so on each connection, once, and listens.
told_on_each_connection()
{
	for _ in 1 2 3; do
		ip -n "$LAB_SERVER" route flush cache
		get 15 5001 --bytes 300000
	done
}

# The gateway sends the relay large datagrams of another service, and something on the way drops all but their beginnings.
fragments_of_others()
{
	path_hurt=yes
	lab_path_rules "ip frag-off & 0x1fff != 0"
	ip -n "$LAB_GW" route replace 198.51.100.1 via 203.0.113.254 mtu lock 1500
	in_ns "$LAB_GW" "$LAB_TRAFFIC" udp-send 198.51.100.1 2049 --size 3000 --count 20 --interval 200 >/dev/null
	ip -n "$LAB_GW" route del 198.51.100.1 via 203.0.113.254
}

hosts()
{
	lab_incident --tunnel-mtu-a 1420 --tunnel-mtu-b 1420
	lab_serve 5001 --send 3000000000
	lab_serve 5002 --bytes 3000000 --send 1
	lab_serve 5003 --bytes 300 --send 20000
	lab_serve 5004 --bytes 300 --hang
	lab_serve 5005 --bytes 300 --send 1
}

clean_path()
{
	watch "clean path" idle keep_alives_only bulk super_packets small_window reader_that_sleeps congestion_marks \
		handshake_storm host_that_answers_no_echo fragments_of_others
}

dead_ends()
{
	watch "dead ends" hung_server filtered_port destination_that_answers_no_data peer_that_dies_in_a_transfer host_that_reboots
}

loss()
{
	watch "loss" reader_that_has_gone one_percent reordering five_percent_without_sack ten_percent bursts
}

policer()
{
	watch "policer" byte_policer tiny_queue
}

true_jumbo()
{
	path_mtu=9001
	lab_path_mtu 9001
	lab_tunnel_mtu 8921 8920
	watch "true jumbo" jumbo_bulk told_on_each_connection jumbo_loss
}

# watches WATCH...: one after the other, on hosts of their own.
watches()
{
	local each

	hosts
	for each; do $each; done
}

lab_beside first watches clean_path dead_ends policer true_jumbo
watches loss
lab_join
done_testing
