#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The incident, watched on the relay, which never sees what does not arrive. Once with nothing but the
# stalled transfer in the tunnel: the end of the server's flight is small and arrives, its beginning is a hole that stays
# open. Once with a monitoring ping a second, as in the real case ("ping works"): its replies show by
# WireGuard's counters what was lost before them.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
finding='.mtuscope.finding | select(.class == "path-blackhole" and .interface == "wg0" and .direction == "rx")'

# incident NAME: one run from stall to cure.
incident()
{
	local name=$1 records=$MTUSCOPE_RECORDS mtu

	is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 5)" stalled "$name: TLS stalls"
	assert_record "$records" "$finding | .state == \"open\"" "$name: the finding is open before the client gives up (5 s)"
	assert_record "$records" "$finding | .peer.public_key == \"$LAB_GW_KEY\"" "$name: it names the peer"
	assert_record "$records" "$finding | .path_mtu | .lower <= 1500 and 1500 < .upper" "$name: the bracket holds 1500"
	assert_record "$records" "$finding | .recommended_mtu <= 1440 and .recommended_mtu >= 1280" "$name: the recommended MTU works"
	refute_record "$records" '.mtuscope.finding | select(.direction == "tx")' "$name: nothing is said of the other direction"

	mtu=$(jq -r 'select(.mtuscope.finding) | .mtuscope.finding.recommended_mtu' "$records" | tail -n 1)
	lab_tunnel_mtu "$mtu" "$mtu"
	is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 20)" complete "$name: TLS completes with the recommended MTU $mtu"
	check "$name: the finding is resolved" wait_record "$records" 10 "$finding | .state == \"resolved\""
	stop_mtuscope
	is "$MTUSCOPE_STATUS" 2 "$name: the exit status is 2"
	is "$(jq -r 'select(.mtuscope.finding) | .mtuscope.finding.id' "$records" | sort -u | wc -l)" 1 "$name: one cause is one finding"
	lab_end_flows
	lab_tunnel_mtu 8921 8920
}

lab_incident
tls_server "$LAB_SERVER" 465
start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start"
incident alone

start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start"
lab_spawn "$LAB_RELAY" "$(lab_file ping.out)" "$(lab_file ping.err)" ping -n -i 1 "$LAB_SERVER_IP"
wait_for 10 "a reply to the monitoring ping" grep -q "bytes from" "$(lab_file ping.out)"
incident monitored
done_testing
