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
lab_replay_incident gateway tx "$LAB_RELAY_KEY"
assert_record "$records" '.mtuscope.finding | .state == "open" and .severity == "critical" and .tunnel_mtu == 8920' \
	"it is critical and knows the tunnel's MTU"
assert_record "$records" '.mtuscope.finding | .state == "open" and .flows[0].source.port == 465' "the stalled flow is listed"
done_testing
