#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The incident with the real thing: mail from a relay to a mail server, STARTTLS with a 4096-bit chain. First the tunnel is
# down because an end lacks its peer's endpoint; then mail queues in a black hole, it is cured and the queue drains; then
# the gateway moves to its other provider, whose path carries less.
. "$(dirname "$0")/../lib.sh"
. "$LAB_REPO/tests/lab/mail.sh"

lab_require_wireguard
lab_incident --keepalive 5
lab_second_uplink 1400
[[ -e $LAB_CHAIN/chain.pem ]] || bail_out "no certificates; make build/tests/chain"
mail_servers

# Phase 1: neither end knows where the other is.
in_ns "$LAB_GW" wg set wg0 peer "$LAB_RELAY_KEY" remove
in_ns "$LAB_GW" wg set wg0 peer "$LAB_RELAY_KEY" allowed-ips 10.30.0.1/32,fd30::1/128
in_ns "$LAB_RELAY" wg set wg0 peer "$LAB_GW_KEY" remove
in_ns "$LAB_RELAY" wg set wg0 peer "$LAB_GW_KEY" allowed-ips 10.30.0.3/32,fd30::3/128,192.168.3.0/24
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

# Nothing is lost yet, and check would have warned.
in_ns "$LAB_GW" "$LAB_MTUSCOPE" check >"$(lab_file check.txt)"
is "$?" 1 "check: warns"
check "check: of the tunnel's MTU" grep -q "mtu 1440" "$(lab_file check.txt)"

# finding_opens NAME PATH_MTU TUNNEL_MTU: what is found and measured is right.
finding_opens()
{
	check "$1: the finding is open" wait_record "$records" 30 "$finding | .state == \"open\" and .tunnel_mtu == $3"
	assert_record "$records" "$finding | .state == \"open\" and .tunnel_mtu == $3 and
		.peer.public_key == \"$LAB_RELAY_KEY\" and (.path_mtu | .lower <= $2 and .upper > $2)" \
		"$1: with the relay's key and a bracket that holds $2"
	assert_record "$records" "$finding | .flows[0].source | .ip == \"$LAB_SERVER_IP\" and .port == 25" "$1: it is the mail server's port"
	check "$1: a probe finds the best MTU" wait_record "$records" 20 \
		"$finding | .recommended_mtu == $(($2 - 60)) and .path_mtu.exact and .recommended_basis == \"probe\""
}

# fixes NAME NS MTU ARG...: fix sets it there.
fixes()
{
	local name=$1 ns=$2 mtu=$3 status=0

	shift 3
	in_ns "$ns" "$LAB_MTUSCOPE" fix --apply "$@" wg0 >"$(lab_file "fix-$name.txt")" || status=$?
	is "$status $(ip -n "$ns" -j link show wg0 | jq '.[0].mtu')" "0 $mtu" "$name: fix sets $mtu in ${ns#lab*-}"
}

# cured NAME MTU ARRIVED: the queue drains, the finding resolves.
cured()
{
	check "$1: the queue drains" wait_for 60 "the queue to drain" mail_numbers 0 "$3"
	check "$1: the finding is resolved" wait_record "$records" 10 \
		"$finding | .state == \"resolved\" and .recommended_mtu == $2"
}

# Phase 2: ping is back, mail is not.
finding='.mtuscope.finding | select(.class == "path-blackhole" and .direction == "tx")'
start_mtuscope "$LAB_GW" --probe || bail_out "mtuscope does not start"
records=$MTUSCOPE_RECORDS
mail_send 20
finding_opens hole 1500 8920
is "$(mail_queued) $(mail_arrived)" "21 0" "hole: all mail queues"
status=0
in_ns "$LAB_GW" "$LAB_MTUSCOPE" probe "$LAB_RELAY_KEY" >"$(lab_file probe.txt)" 2>&1 || status=$?
is "$status" 2 "probe: a black hole"
check "probe: the MTU is 1440" grep -qE "^path MTU 1500; .* set 1440$" "$(lab_file probe.txt)"
fixes cured "$LAB_GW" 1440
fixes cured-there "$LAB_RELAY" 1440
cured cured 1440 21

# Phase 3: the other provider carries less.
lab_failover
wait_for 20 "the tunnel by the other provider" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 56 || bail_out "no failover"
mail_send 5
finding_opens failover 1400 1440
fixes failover "$LAB_GW" 1340 --probe
check "failover: fix has measured both ways" \
	test "$(grep -cE "^# by (wan0|wan1) the path to peer .* carries (1500|1400)$" "$(lab_file fix-failover.txt)")" = 2
check "failover: it takes the minimum" grep -q "carries 1400, as measured: less 60 that is 1340" "$(lab_file fix-failover.txt)"
fixes failover-there "$LAB_RELAY" 1340 --mtu 1340
cured "failover cured" 1340 26
refute_record "$records" "$finding | .state == \"open\" and .tunnel_mtu == 1440 and .path_mtu.upper > 1500" \
	"cured: what senders gave up for the cure is no second hole"
in_ns "$LAB_GW" "$LAB_MTUSCOPE" check >"$(lab_file check-after.txt)"
is "$?" 0 "check: all is well"
stop_mtuscope
is "$MTUSCOPE_STATUS" 2 "the exit status is 2"
mail_stop
done_testing
