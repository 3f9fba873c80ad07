#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#	tests/lab/scenarios/serve-soak.sh [SECONDS]
#
# What a day brings `serve`: black holes that come and are cured, thousands of connections, tunnels that appear and vanish,
# rotations, reloads, scrapes, a syslog server that restarts. Memory and descriptors must stay as they were, and nothing may
# be lost. `make test` has two rounds, `make serve-soak` fifteen minutes of them; a line for each in LAB_DIR/rounds.
. "$(dirname "$0")/../lib.sh"

seconds=${1:-0}
FLOWS=2000
SCRAPES=20
ROUNDS_LEAST=2   # one with which to compare
FLOWS_KEPT_S=150 # serve remembers a flow for so long: until then memory has reason to grow

lab_require_wireguard
lab_incident
tls_server "$LAB_SERVER" 465
dir=$(mktemp -d /tmp/mtuscope-soak.XXXXXX)
chmod 755 "$dir"
mkdir -m 777 "$dir/log" "$dir/textfile"
records=$dir/log/records
rounds=$(lab_file rounds)
start_rsyslog()
{
	lab_rsyslog "$LAB_GW" "$dir" 10514
	rsyslog_pid=$LAB_PID
}

scrape()
{
	in_ns "$LAB_GW" curl -sS --max-time 20 http://127.0.0.1:9586/metrics
}

# told STATE N: so many findings have come to this state, in all files together.
told()
{
	(($(cat "$records"* | grep -c "\"action\":\"$1\"") >= $2))
}

# Tunnels come and go while they are being watched.
tunnels()
{
	ip -n "$LAB_GW" link add wg9 type wireguard
	ip -n "$LAB_GW" link set wg9 up
	wait_record "$records" 30 'any(.mtuscope.status.interfaces[]?; .name == "wg9")'
	ip -n "$LAB_GW" link del wg9
	wait_for 30 "wg9 to be forgotten" watches_two
}

watches_two()
{
	scrape | grep -c '^mtuscope_tunnel_mtu_bytes' | grep -qx 1
}

a_round()
{
	local n=$1 i

	lab_tunnel_mtu 8921 8920
	[[ $(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 6) == stalled ]] || note "round $n: TLS does not stall"
	wait_for 20 "finding $n" told open "$n"
	lab_tunnel_mtu 1440 1440
	[[ $(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 20) == complete ]] || note "round $n: TLS does not complete"
	wait_for 30 "the end of finding $n" told resolved "$n"
	lab_end_flows
	in_ns "$LAB_RELAY" "$LAB_TRAFFIC" syn-flood "$LAB_SERVER_IP" $((1000 + n)) --count "$FLOWS" >/dev/null
	tunnels
	for ((i = 0; i < SCRAPES; i++)); do scrape >"$dir/metrics"; done
	mv "$records" "$records.$n"
	kill -HUP "$serve_pid"
	wait_for 20 "the new file" test -e "$records"
	if ((n % 5 == 1)); then
		lab_kill "$rsyslog_pid"
		start_rsyslog
	fi
}

memory()
{
	awk '/^VmRSS/ { print $2 }' "/proc/$serve_pid/status"
}

descriptors()
{
	find "/proc/$serve_pid/fd" -type l | wc -l
}

# largest COLUMN FIRST LAST: of these rounds.
largest()
{
	awk -v c="$1" -v first="$2" -v last="$3" 'NR >= first && NR <= last && $c > max { max = $c } END { print max }' "$rounds"
}

start_rsyslog
lab_spawn "$LAB_GW" /dev/null "$(lab_file serve.err)" "$LAB_MTUSCOPE" serve --user nobody --output "$records" \
	--syslog tcp:127.0.0.1:10514 --listen 9586 --textfile "$dir/textfile"
serve_pid=$LAB_PID
wait_record "$records" 60 '.mtuscope.status.state | IN("ready", "degraded")' || bail_out "serve does not start"

end=$(($(now_ms) + seconds * 1000))
for ((n = 1; n <= ROUNDS_LEAST || $(now_ms) < end; n++)); do
	a_round "$n"
	echo "$n $(memory) $(descriptors)" >>"$rounds"
done
((n--))
scrape >"$dir/metrics"
lab_kill "$serve_pid"
check "all of its records arrive" wait_for 30 "the last one" grep -q '"state":"exit"\|"state": "exit"' "$dir/mtuscope.json"

# The first rounds fill what is allocated once.
half=$((n / 2))
# A scrape that just ends has one more.
most=$(largest 3 1 "$half")
check "descriptors: $most in the first half, as many in the second" test "$(largest 3 $((half + 1)) "$n")" -le $((most + 1))
before=$(largest 2 1 "$half")
after=$(largest 2 $((half + 1)) "$n")
if ((seconds / 2 > FLOWS_KEPT_S)); then
	check "memory: $before KB in the first half, $after KB in the second" test $((after * 100)) -le $((before * 101))
fi
is "$(awk '/^mtuscope_(events|records)_lost_total/ { sum += $NF } END { print sum + 0 }' "$dir/metrics")" 0 "nothing is lost"
for state in open resolved; do
	is "$(cat "$records"* | grep -c "\"action\":\"$state\"")" "$n" "$n findings are $state in the files"
	is "$(jq -c "select(.mtuscope.class == \"path-blackhole\" and .mtuscope.state == \"$state\")" "$dir/mtuscope.json" | wc -l)" "$n" \
		"and at rsyslog"
done
cat "$records"* >"$dir/all"
assert_json "$dir/all" "every line is JSON"
cp "$dir/metrics" "$LAB_DIR"
rm -rf "$dir"
done_testing
