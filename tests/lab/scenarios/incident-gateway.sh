#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The incident, watched on the gateway: the server's certificates vanish on the
# way to the relay. The finding must name the peer, the direction and a tunnel MTU
# that works, and must be resolved by setting it on both ends. Both ends record it, and the report of both must say
# the same, and how much of which size was lost.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
lab_incident
tls_server "$LAB_SERVER" 465
lab_spawn "$LAB_RELAY" /dev/null "$(lab_file record.err)" "$LAB_MTUSCOPE" record "$(lab_file relay.rec)"
recorder=$LAB_PID
start_mtuscope "$LAB_GW" --record "$(lab_file gateway.rec)" || bail_out "mtuscope does not start"
wait_for 60 "the relay to record" test -s "$(lab_file relay.rec)" || bail_out "mtuscope does not record"
records=$MTUSCOPE_RECORDS
assert_record "$records" '.mtuscope.status | .state == "ready" and (.hooks | length > 10) and
	all(.hooks[]; (.attached | not) or (.how | IN("tcx", "clsact", "fentry", "kprobe", "tracepoint")))' \
	"hooks that are attached are so in ways that have a name"
lab_replay_incident gateway tx "$LAB_RELAY_KEY"
assert_record "$records" '.mtuscope.finding | .state == "open" and .severity == "critical" and .tunnel_mtu == 8920' \
	"it is critical and knows the tunnel's MTU"
assert_record "$records" '.mtuscope.finding | .state == "open" and .flows[0].source.port == 465' "the stalled flow is listed"

# both_ends FILE FILE2: the report of these two recordings; its exit status is STATUS.
both_ends()
{
	STATUS=0
	"$LAB_MTUSCOPE" report "$(lab_file "$1")" "$(lab_file "$2")" --json --html "$(lab_file both.html)" \
		>"$(lab_file both.json)" 2>"$(lab_file both.err)" || STATUS=$?
}

# What is lost from the peer is not cured before nothing is missing for a while.
relay_resolves()
{
	grep -q '"state":"resolved"' < <("$LAB_MTUSCOPE" report "$(lab_file relay.rec)" --json 2>/dev/null)
}
check "the relay's recording holds the end" wait_for 30 "the relay's resolution" relay_resolves
stop_mtuscope "$recorder"
both_ends gateway.rec relay.rec
records=$(lab_file both.json)
is "$STATUS" 2 "both ends: the exit status is 2"
is "$(jq -r 'select(.mtuscope.finding.severity == "critical") | .mtuscope.finding.id' "$records" | sort -u | wc -l)" 1 \
	"both ends: one cause is one finding"
assert_record "$records" ".mtuscope.finding | .class == \"path-blackhole\" and .direction == \"tx\" and
	.peer.public_key == \"$LAB_RELAY_KEY\" and (.path_mtu | .lower <= 1500 and 1500 < .upper)" "both ends: it is the same one"
assert_record "$records" '.mtuscope.status.joint.ways | length == 2 and .[0].lost > 0 and .[1].lost == 0 and
	([.[0].sizes[] | select(.from > 1500)] | length > 0 and all(.received == 0 and .sent > 0)) and
	([.[0].sizes[] | select(.to <= 1500) | .received] | add > 0)' "both ends: by size, all that is too large is lost, one way"
check "both ends: the page is there" test -s "$(lab_file both.html)"
both_ends relay.rec gateway.rec
assert_record "$records" ".mtuscope.finding | .direction == \"rx\" and .peer.public_key == \"$LAB_GW_KEY\"" \
	"both ends: seen from the relay it comes from the peer"
both_ends relay.rec relay.rec
is "$STATUS" 3 "both ends: one end twice is refused"
done_testing
