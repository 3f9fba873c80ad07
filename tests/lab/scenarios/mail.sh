#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The incident with the real thing: mail from a relay to a mail server, STARTTLS with a 4096-bit chain. First the tunnel is
# down because an end lacks its peer's endpoint; then mail queues in a black hole; then it is cured and the queue drains.
. "$(dirname "$0")/../lib.sh"
. "$LAB_REPO/tests/lab/mail.sh"

lab_require_wireguard
lab_incident
[[ -e $LAB_CHAIN/chain.pem ]] || bail_out "no certificates; make build/tests/chain"
mail_servers

# Phase 1: neither end knows where the other is.
in_ns "$LAB_GW" wg set wg0 peer "$LAB_RELAY_KEY" remove
in_ns "$LAB_GW" wg set wg0 peer "$LAB_RELAY_KEY" allowed-ips 10.30.0.1/32,fd30::1/128
in_ns "$LAB_RELAY" wg set wg0 peer "$LAB_GW_KEY" remove
in_ns "$LAB_RELAY" wg set wg0 peer "$LAB_GW_KEY" allowed-ips 10.30.0.3/32,192.168.3.0/24
start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start"
records=$MTUSCOPE_RECORDS
mail_send 1
check "down: the peer is unreachable" wait_record "$records" 20 \
	".mtuscope.finding | .class == \"peer-unreachable\" and .peer.public_key == \"$LAB_GW_KEY\""
stop_mtuscope
refute_record "$records" '.mtuscope.finding | select(.severity == "critical")' "down: it is not taken for an MTU problem"
in_ns "$LAB_RELAY" wg set wg0 peer "$LAB_GW_KEY" endpoint "$LAB_GW_ENDPOINT"
in_ns "$LAB_GW" wg set wg0 peer "$LAB_RELAY_KEY" endpoint "$LAB_RELAY_ENDPOINT"
wait_for 20 "the tunnel" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 56 || bail_out "the tunnel does not come up"

# Phase 2: ping is back, mail is not.
start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start"
records=$MTUSCOPE_RECORDS
finding='.mtuscope.finding | select(.class == "path-blackhole" and .direction == "tx")'
mail_send 20
check "hole: the finding is open" wait_record "$records" 30 "$finding | .state == \"open\""
assert_record "$records" "$finding | .peer.public_key == \"$LAB_RELAY_KEY\" and (.path_mtu | .lower <= 1500 and .upper > 1500)" \
	"hole: with the relay's key and a bracket that holds 1500"
assert_record "$records" "$finding | .flows[0].source | .ip == \"$LAB_SERVER_IP\" and .port == 25" "hole: it is the mail server's port"
is "$(mail_queued) $(mail_arrived)" "21 0" "hole: all mail queues"

# Phase 3: as it recommends, on both ends.
mtu=$(jq -r 'select(.mtuscope.finding) | .mtuscope.finding.recommended_mtu' "$records" | tail -n 1)
lab_tunnel_mtu "$mtu" "$mtu"
check "cured: the queue drains" wait_for 60 "the queue to drain" mail_numbers 0 21
check "cured: the finding is resolved" wait_record "$records" 10 "$finding | .state == \"resolved\""
stop_mtuscope
is "$MTUSCOPE_STATUS" 2 "cured: the exit status is 2"
mail_stop
done_testing
