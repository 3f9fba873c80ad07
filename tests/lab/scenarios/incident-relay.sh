#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The incident, watched on the relay, which never sees what does not arrive. A
# monitoring ping a second goes through the tunnel, as in the real case ("ping works");
# its replies show by WireGuard's counters what was lost before them.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
lab_incident
tls_server "$LAB_SERVER" 465
start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start"
records=$MTUSCOPE_RECORDS
lab_spawn "$LAB_RELAY" "$(lab_file ping.out)" "$(lab_file ping.err)" ping -n -i 1 "$LAB_SERVER_IP"
wait_for 10 "a reply to the monitoring ping" grep -q "bytes from" "$(lab_file ping.out)"

finding='.mtuscope.finding | select(.class == "path-blackhole" and .interface == "wg0" and .direction == "rx")'
is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 5)" stalled "TLS stalls"
assert_record "$records" "$finding | .state == \"open\"" "the finding is open before the client gives up (5 s)"
assert_record "$records" "$finding | .peer.public_key == \"$LAB_GW_KEY\"" "it names the peer"
assert_record "$records" "$finding | .path_mtu | .lower <= 1500 and 1500 < .upper" "the bracket holds 1500"
assert_record "$records" "$finding | .recommended_mtu <= 1440 and .recommended_mtu >= 1280" "the recommended MTU works"
refute_record "$records" '.mtuscope.finding | select(.direction == "tx")' "nothing is said of the other direction"

mtu=$(jq -r 'select(.mtuscope.finding) | .mtuscope.finding.recommended_mtu' "$records" | tail -n 1)
lab_tunnel_mtu "$mtu" "$mtu"
is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 20)" complete "TLS completes with the recommended MTU $mtu"
check "the finding is resolved" wait_record "$records" 10 "$finding | .state == \"resolved\""
stop_mtuscope
is "$MTUSCOPE_STATUS" 2 "the exit status is 2"
is "$(jq -r 'select(.mtuscope.finding) | .mtuscope.finding.id' "$records" | sort -u | wc -l)" 1 "one cause is one finding"
done_testing
