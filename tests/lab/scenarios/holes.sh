#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Black holes of all kinds, a row each: where it is watched, what must be found, and the truth that the bracket
# must hold. A row has its own run of mtuscope; the hosts are those of incident.sh. A ping a second stands for the small
# traffic that every gateway has.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard

# The traffic of the rows; each is given up after a while.
download()
{
	lab_spawn "$LAB_RELAY" /dev/null /dev/null timeout 15 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5001 --bytes 200000
}

upload()
{
	lab_spawn "$LAB_RELAY" /dev/null /dev/null timeout 15 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5002 --send 200000 --bytes 1
}

big_pings()
{
	lab_spawn "$LAB_RELAY" /dev/null /dev/null ping -n -i 0.5 -c 20 -M "do" -s "$1" "$LAB_SERVER_IP"
}

# The path shrinks after it has carried full packets, as when a second uplink takes over.
failover()
{
	download
	wait "$LAB_PID"
	lab_path_mtu 1400
	download
}

# hole NAME NS CLASS DIRECTION TRUTH OVERHEAD TRAFFIC...
hole()
{
	local name=$1 ns=$2 class=$3 direction=$4 truth=$5 overhead=$6 records key=$LAB_RELAY_KEY ping
	# Below 1280 only a probe or a delivery can know: until then 1280 is the floor.
	local safe=$((truth - overhead < 1280 ? 1280 : truth - overhead))

	shift 6
	[[ $ns == "$LAB_GW" ]] || key=$LAB_GW_KEY
	start_mtuscope "$ns" || bail_out "mtuscope does not start"
	records=$MTUSCOPE_RECORDS
	lab_spawn "$LAB_RELAY" /dev/null /dev/null ping -n -i 1 "$LAB_SERVER_IP"
	ping=$LAB_PID
	"$@"
	check "$name: $class $direction is found" wait_record "$records" 14 \
		".mtuscope.finding | select(.class == \"$class\" and .direction == \"$direction\" and .peer.public_key == \"$key\")"
	assert_record "$records" ".mtuscope.finding.path_mtu | select(. and (.lower // 0) <= $truth and $truth < .upper)" \
		"$name: the bracket holds $truth"
	assert_record "$records" ".mtuscope.finding.recommended_mtu | select(. and . <= $safe and . >= 576)" \
		"$name: the recommended MTU works"
	refute_record "$records" ".mtuscope.finding | select(. and .severity == \"critical\" and
		(.class != \"$class\" or .direction != \"$direction\" or .recommended_mtu > $safe or
		.path_mtu.upper <= $truth or (.path_mtu.lower // 0) > $truth))" "$name: and nothing that is not so"
	stop_mtuscope
	lab_kill "$ping"
	lab_end_flows
}

lab_incident
lab_serve 5001 --send 200000
lab_serve 5002 --bytes 200000 --send 1

hole "jumbo tunnel, download" "$LAB_GW" path-blackhole tx 1500 60 download
hole "jumbo tunnel, download, seen by the relay" "$LAB_RELAY" path-blackhole rx 1500 60 download
hole "jumbo tunnel, upload" "$LAB_RELAY" path-blackhole tx 1500 60 upload
hole "jumbo tunnel, upload, seen by the gateway" "$LAB_GW" path-blackhole rx 1500 60 upload
hole "jumbo tunnel, echo of 4000 bytes" "$LAB_RELAY" path-blackhole tx 1500 60 big_pings 4000
lab_path_mtu 9001 1500
hole "only towards the relay" "$LAB_GW" path-blackhole tx 1500 60 download
lab_tunnel_mtu 1440 1440
lab_path_mtu 1492
hole "access link of 1492, tunnel MTU 1440" "$LAB_GW" path-blackhole tx 1492 60 download
hole "access link of 1492, tunnel MTU 1440, seen by the relay" "$LAB_RELAY" path-blackhole rx 1492 60 download
lab_tunnel_mtu 1420 1420
lab_path_mtu 1124
hole "hotel path of 1124, tunnel MTU 1420" "$LAB_GW" path-blackhole tx 1124 60 download
lab_tunnel_mtu 1440 1440
lab_path_mtu 1500
hole "failover from 1500 to 1400" "$LAB_GW" path-blackhole tx 1400 60 failover
lab_demolish

lab_incident --prefix "v6-$$-" --v6-underlay --tunnel-mtu-a 1420 --tunnel-mtu-b 1420 --path-mtu 1400
lab_serve 5001 --send 200000
hole "IPv6 underlay of 1400, tunnel MTU 1420" "$LAB_GW" path-blackhole tx 1400 80 download
lab_demolish

lab_incident --prefix "frag-$$-" --relay-nic 1500 --gateway-nic 1500
lab_serve 5001 --send 200000
lab_path_no_fragments
hole "fragments are dropped" "$LAB_GW" fragment-blackhole tx 1500 60 download
done_testing
