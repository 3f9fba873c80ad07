#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The incident, watched on the gateway: the server's certificates vanish on the
# way to the relay. The finding must name the peer, the direction and a tunnel MTU
# that works, and must be resolved by setting it on both ends.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
lab_incident
tls_server "$LAB_SERVER" 465
start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start"
records=$MTUSCOPE_RECORDS

finding='.mtuscope.finding | select(.class == "path-blackhole" and .interface == "wg0" and .direction == "tx")'
is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 5)" stalled "TLS stalls"
assert_record "$records" "$finding | .state == \"open\"" "the finding is open before the client gives up (5 s)"
assert_record "$records" "$finding | .peer.public_key == \"$LAB_RELAY_KEY\"" "it names the peer"
assert_record "$records" "$finding | .severity == \"critical\" and .tunnel_mtu == 8920" "it is critical and knows the tunnel's MTU"
assert_record "$records" "$finding | .path_mtu | .lower <= 1500 and 1500 < .upper" "the bracket holds 1500"
assert_record "$records" "$finding | .recommended_mtu <= 1440 and .recommended_mtu >= 1280" "the recommended MTU works"
assert_record "$records" "$finding | .flows[0].source.port == 465" "the stalled flow is listed"
refute_record "$records" '.mtuscope.finding | select(.direction == "rx")' "nothing is said of the other direction"

mtu=$(jq -r 'select(.mtuscope.finding) | .mtuscope.finding.recommended_mtu' "$records" | tail -n 1)
lab_tunnel_mtu "$mtu" "$mtu"
is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 20)" complete "TLS completes with the recommended MTU $mtu"
check "the finding is resolved" wait_record "$records" 10 "$finding | .state == \"resolved\""
stop_mtuscope
is "$MTUSCOPE_STATUS" 2 "the exit status is 2"
is "$(jq -r 'select(.mtuscope.finding) | .mtuscope.finding.id' "$records" | sort -u | wc -l)" 1 "one cause is one finding"
assert_json "$records" "every record is JSON"
assert_record "$records" '.mtuscope.status.state == "exit"' "the last record is the exit status"
done_testing
