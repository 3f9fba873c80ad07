#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# 10,000 findings through the outlets of `serve` to rsyslog, which is killed and comes back, and to syslog-ng, with the
# configurations that we ship. What they have read must be what was sent, number by number, and the sums must fit.
. "$(dirname "$0")/lib.sh"

port=$(free_port)
received=$LAB_DIR/mtuscope.json
sent=$LAB_DIR/sent.json

start_rsyslog()
{
	lab_rsyslog "" "$LAB_DIR" "$port"
	receiver=$LAB_PID
}

# Not asked to, so that it can put nothing in order.
kill_receiver()
{
	kill -9 "$receiver"
	wait "$receiver" 2>/dev/null
}

start_emit()
{
	rm -f "$sent" "$received"
	coproc EMIT { exec "$LAB_TOOLS/emit" "tcp:127.0.0.1:$port" "$sent" 2>"$(lab_file emit.err)"; }
	lab_pids+=("$EMIT_PID")
}

# tell COMMAND: sets produced, delivered and lost, which are numbers of records.
tell()
{
	echo "$1" >&"${EMIT[1]}"
	hear
}

hear()
{
	local _

	read -r -t 300 -u "${EMIT[0]}" _ produced _ delivered _ lost || bail_out "emit has ended: $(tail -n 3 "$(lab_file emit.err)")"
}

# has N: that many lines have been received.
has()
{
	(($(wc -l 2>/dev/null <"$received" || echo 0) >= $1))
}

# What of a finding both sides must agree on; a receiver has everything as text.
facts_sent()
{
	jq -c 'select(.mtuscope.finding) | [.["@timestamp"], .message, (.mtuscope.finding | .id, .class, .state, .severity,
		.confidence, .interface, .direction, .peer.public_key, "\(.peer.endpoint.ip):\(.peer.endpoint.port)",
		.tunnel_mtu, .path_mtu.lower, .path_mtu.upper, .path_mtu.exact, .recommended_mtu, .recommended_basis,
		.first_seen, .last_seen, (.flows[0] | .transport, .source.ip, .source.port, .destination.ip, .destination.port,
		.stalled_ms), (.evidence[0] | "\(.count) x \(.kind), \(.min_size) to \(.max_size) bytes"))]' "$sent"
}

# A line that a killed receiver left half-written is none.
facts_received()
{
	jq -Rc 'fromjson? | select(.kind == "finding") | [(.["@timestamp"] | sub("\\+00:00$"; "Z")), .message, (.mtuscope | .id, .class,
		.state, .severity, (.confidence | tonumber), .interface, .direction, .public_key, .endpoint,
		(.tunnel_mtu, .path_mtu_lower, .path_mtu_upper | tonumber), .path_mtu_exact == "true",
		(.recommended_mtu | tonumber), .recommended_basis, .first_seen, .last_seen, .transport, .source_ip,
		(.source_port | tonumber), .destination_ip, (.destination_port, .stalled_ms | tonumber), .evidence)]' "$received"
}

# Nothing but the commands of diff that delete: all that came is what was sent, in order. The deleted are `missing`, and
# `gaps` is in how many places. FILTER: through which the received go before.
compare()
{
	local difference

	difference=$(diff <(facts_sent) <(facts_received | "${@:-cat}"))
	changed=$(grep -cE '^[0-9,]+[ac]' <<<"$difference")
	gaps=$(grep -cE '^[0-9,]+d' <<<"$difference")
	missing=$(grep -c '^<' <<<"$difference")
	[[ $changed == 0 ]] || note "$(head -n 3 <<<"$difference")"
}

# What was acknowledged when nobody heard it any more comes twice.
once()
{
	awk '!seen[$0]++'
}

# --- rsyslog ---------------------------------------------------------------

start_rsyslog
start_emit
tell "feed 5000"
tell drain
check "rsyslog: 5,000 findings arrive" wait_for 60 "them" has 5000
kill_receiver
tell "flood 300"
is "$produced $delivered $lost" "5300 5000 0" "while it is dead they wait"
start_rsyslog
tell drain
tell "feed 4700"
tell drain
check "all 10,000 arrive" wait_for 60 "them" has 10000
is "$produced $delivered $lost" "10000 10000 0" "none is counted as lost"
compare
is "$changed $missing" "0 0" "each of them reads as it was sent"

kill_receiver
tell "flood 2000"
is "$((lost > 0 && lost < 2000))" 1 "more than the queue holds is counted as lost"
start_rsyslog
tell drain
check "the rest arrives" wait_for 60 "them" has $((12001 - lost))
is "$((delivered + lost))" "$produced" "what was sent and what was lost make up what was produced"
compare
is "$changed $missing $gaps" "0 $lost 1" "missing are as many as were lost, the oldest that waited"
is "$(jq -r 'select(.kind == "status") | .mtuscope.lost_records' "$received")" "$lost" "a status record says how many"

# In the midst of it.
before=$lost
echo "feed 10000" >&"${EMIT[1]}"
wait_for 60 "some of them" has $((14001 - lost))
kill_receiver
start_rsyslog
hear
tell "feed 100"
tell drain
is "$lost $((delivered + lost))" "$before $produced" "killed in the midst: what the outlet knows of fits"
has_last()
{
	tail -n 1 "$received" | jq -e ".mtuscope.id == \"$(printf %032x 22100)\"" >/dev/null
}
check "those after it arrive" wait_for 60 "it" has_last
compare once
is "$changed $((gaps <= 2))" "0 1" "what it had taken and not written is gone, in one run"
note "that were $((missing - lost)) records"
kill_receiver
lab_kill "$EMIT_PID"

# --- syslog-ng -------------------------------------------------------------

root=$(unpack syslog-ng-core) || bail_out "syslog-ng is missing: scripts/setup test"
port=$(free_port)
{
	echo "@version: 3.38"
	lab_sample syslog-ng/mtuscope.conf "$LAB_DIR" "$port"
} >"$LAB_DIR/syslog-ng.conf"
lab_spawn "" /dev/null "$(lab_file syslog-ng.err)" env LD_LIBRARY_PATH="$root/usr/lib/syslog-ng" "$root/usr/sbin/syslog-ng" -F \
	-f "$LAB_DIR/syslog-ng.conf" --module-path="$root/usr/lib/syslog-ng/3.38" -R "$LAB_DIR/syslog-ng.persist" \
	-p "$LAB_DIR/syslog-ng.pid" -c "$LAB_DIR/syslog-ng.ctl" --no-caps --stderr
wait_for 20 "syslog-ng" lab_listens "" "$port" || bail_out "syslog-ng does not start"
start_emit
tell "feed 10000"
tell drain
is "$produced $delivered $lost" "10000 10000 0" "syslog-ng takes 10,000 findings"
check "all of them arrive" wait_for 60 "them" has 10000
compare
is "$changed $missing" "0 0" "each of them reads as it was sent"
done_testing
