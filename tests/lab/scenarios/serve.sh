#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The daemon: gives up its privileges and still picks up new interfaces, feeds rsyslog and Prometheus whatever an interface
# is called, reads its configuration again or refuses it whole, and leaves nothing. Also runs natively, without WireGuard.
. "$(dirname "$0")/../lib.sh"

# Legal as a name; ends an SD-PARAM, a JSON string and a CEF field in whoever does not escape.
hostile='w"]=|\b'
ns=serve$$
dir=$(mktemp -d /tmp/mtuscope-serve.XXXXXX)
chmod 755 "$dir"
mkdir "$dir/prom" "$dir/log"
chown nobody "$dir/prom" "$dir/log"

lab_netns_add "$ns"
ip -n "$ns" link set lo up
if modprobe -q wireguard 2>/dev/null; ip -n "$ns" link add "$hostile" type wireguard 2>/dev/null; then
	wireguard=yes
	interface=()
else
	wireguard=
	ip -n "$ns" link add "$hostile" type veth peer name other
	interface=("interface = $hostile")
fi
ip -n "$ns" link set "$hostile" up

start_rsyslog()
{
	lab_rsyslog "$ns" "$dir" 10514
	rsyslog_pid=$LAB_PID
}

configure()
{
	printf '%s\n' "${interface[@]}" "output = $dir/log/records" "syslog = tcp:127.0.0.1:10514" "listen = 9586" \
		"listen = unix:$dir/metrics.sock" "textfile = $dir/prom" "$@" >"$dir/conf"
}

metrics()
{
	in_ns "$ns" curl -sS --max-time 10 "http://127.0.0.1:9586/metrics"
}

metrics_say()
{
	metrics | grep -q "$1"
}

capabilities()
{
	awk -v "set=Cap$1:" '$1 == set { print $2 }' "/proc/$serve_pid/status"
}

http_status()
{
	in_ns "$ns" curl -s --max-time 10 -o /dev/null -w '%{http_code}' "$@"
}

http_is()
{
	[[ $(http_status http://127.0.0.1:9586/metrics) == "$1" ]]
}

said()
{
	grep -q "$1" "$(lab_file serve.err)"
}

notified()
{
	grep -q "$1" "$dir/notified"
}

# A new link makes a new status record.
link_serial=0
provoke_status()
{
	ip -n "$ns" link add "new$((++link_serial))" type veth peer name "peer$link_serial"
	ip -n "$ns" link set "new$link_serial" up
}

status_names()
{
	lab_find_record "$1" "any(.mtuscope.status.interfaces[]?; .name == \"$2\")"
}

start_rsyslog
configure
"$LAB_MTUSCOPE" serve --config "$dir/conf" --check-config 2>"$(lab_file check.err)"
is "$?" 0 "--check-config takes a good configuration"
socat -u "UNIX-RECV:$dir/notify,mode=666" STDOUT >"$dir/notified" &
lab_pids+=("$!")
wait_for 10 "the notify socket" test -S "$dir/notify"
lab_spawn "$ns" /dev/null "$(lab_file serve.err)" env NOTIFY_SOCKET="$dir/notify" WATCHDOG_USEC=3000000 \
	"$LAB_MTUSCOPE" serve --config "$dir/conf"
serve_pid=$LAB_PID
wait_record "$dir/log/records" 60 '.mtuscope.status.state | IN("ready", "degraded")' || bail_out "serve does not start"

check "systemd hears that it is ready" wait_for 10 READY=1 notified READY=1
check "and that it lives" wait_for 10 WATCHDOG=1 notified WATCHDOG=1
is "$(stat -c %U "/proc/$serve_pid")" nobody "it is nobody"
is "$(capabilities Bnd)" 0000000000000000 "nothing is left in the bounding set"
is "$(capabilities Eff) $(capabilities Prm)" "0000000000001000 0000000000001000" "of its capabilities CAP_NET_ADMIN is left"

name=${hostile//\\/\\\\}
name=${name//\"/\\\"}
check "the record names the interface" status_names "$dir/log/records" "$name"
check "rsyslog reads its name as it is" wait_for 20 "rsyslog's record" lab_find_record "$dir/mtuscope.json" \
	".kind == \"status\" and .mtuscope.interface == \"$name\""

metrics >"$dir/metrics"
is "$(promtool check metrics <"$dir/metrics" 2>&1)" "" "promtool has nothing to say"
check "metrics name the interface" grep -qF 'interface="w\"]=|\\x5cb"' "$dir/metrics"
check "the textfile is there" wait_for 20 "the textfile" test -s "$dir/prom/mtuscope.prom"
is "$(promtool check metrics <"$dir/prom/mtuscope.prom" 2>&1)" "" "and promtool is content with it"
is "$(http_status --unix-socket "$dir/metrics.sock" http://x/metrics)" 200 "a Unix socket serves them as well"
is "$(http_status http://127.0.0.1:9586/)" 404 "there is nothing else"
is "$(http_status -X POST http://127.0.0.1:9586/metrics)" 405 "and nothing to be written"
is "$(http_status -H "X: $(printf '%05000d' 0)" http://127.0.0.1:9586/metrics)" 431 "nor long requests"
is "$(in_ns "$ns" ss -Htln 'sport = :9586' | awk '{ print $4 }')" 127.0.0.1:9586 "it listens on the loopback only"

# This host's TCP looks for larger segments by itself, and its kernel counts them.
in_ns "$ns" sysctl -qw net.ipv4.tcp_mtu_probing=2
lab_spawn "$ns" /dev/null /dev/null socat -u TCP-LISTEN:5000 OPEN:/dev/null
receiver=$LAB_PID
wait_for 10 "the receiver" lab_listens "$ns" 5000
in_ns "$ns" socat -u -b 65536 SYSTEM:'head -c 20000000 /dev/zero' TCP:127.0.0.1:5000
wait "$receiver"
arrived=$(in_ns "$ns" nstat -asz TcpExtTCPMTUPSuccess | awk '/Success/ { print $2 }')
check "metrics count them as well ($arrived)" wait_for 10 "the metric" metrics_say "^mtuscope_tcp_mtu_probes_arrived_total $arrived\$"
check "and there are some" test "$arrived" -gt 0

# With another MTU as much is seen as before.
if [[ $wireguard ]]; then
	before=$(grep -c '"status":' "$dir/log/records")
	ip -n "$ns" link set "$hostile" mtu 1333
	check "metrics show another MTU" wait_for 20 "the MTU" metrics_say 'mtuscope_tunnel_mtu_bytes.* 1333'
	is "$(grep -c '"status":' "$dir/log/records")" "$before" "another MTU is not told as another coverage"
else
	skip "another MTU is not told as another coverage" "no tunnel, no WireGuard in this kernel"
fi

# Sixteen that connect and say nothing keep the others out, and no record back.
for _ in {1..16}; do
	lab_spawn "$ns" /dev/null /dev/null socat -u TCP:127.0.0.1:9586 OPEN:/dev/null
	silent+=("$LAB_PID")
done
provoke_status
check "silent clients hold nothing up" wait_for 20 "a new status" status_names "$dir/log/records" new1
lab_kill "${silent[@]}"
check "and soon make way" wait_for 30 "metrics" http_is 200

mv "$dir/log/records" "$dir/log/records.1"
kill -HUP "$serve_pid"
check "SIGHUP opens the file again" wait_for 20 "the new file" test -e "$dir/log/records"
configure "frobnicate = 1"
kill -HUP "$serve_pid"
check "a bad configuration is refused" wait_for 20 "the refusal" said "unknown option in the configuration: frobnicate"
"$LAB_MTUSCOPE" serve --config "$dir/conf" --check-config 2>"$(lab_file check.err)"
is "$?" 3 "--check-config refuses it as well"
configure "output = /nowhere/at/all"
kill -HUP "$serve_pid"
check "and one that cannot be carried out" wait_for 20 "the refusal" said "cannot write to /nowhere/at/all"
provoke_status
check "the old one is still in force" wait_for 20 "a new status" status_names "$dir/log/records" new2
configure "output = $dir/log/second"
kill -HUP "$serve_pid"
check "a good one is taken" wait_for 20 "the second file" test -e "$dir/log/second"

kill "$rsyslog_pid"
wait "$rsyslog_pid" 2>/dev/null
provoke_status
check "a dead receiver holds nothing up" wait_for 20 "a new status" status_names "$dir/log/second" new3
start_rsyslog
check "and gets what waited for it" wait_for 90 "rsyslog's record" grep -q '"new3"' "$dir/mtuscope.json"

if [[ $wireguard ]]; then
	ip -n "$ns" link add wg9 type wireguard
	ip -n "$ns" link set wg9 up
	check "a tunnel that appears later is picked up without privileges" wait_for 30 "wg9" lab_find_record \
		"$dir/log/records" 'any(.mtuscope.status.hooks[]?; .name == "tc egress wg9" and .attached)'
else
	skip "a tunnel that appears later is picked up without privileges" "no WireGuard in this kernel"
fi

kill -TERM "$serve_pid"
status=0
wait "$serve_pid" || status=$?
is "$status" 0 "SIGTERM ends it well"
check "systemd hears it" wait_for 10 STOPPING=1 notified STOPPING=1
assert_record "$dir/log/records" '.mtuscope.status.state == "exit"' "the last record says so"
assert_json "$dir/log/records" "every line is JSON"
check "stale metrics are removed" test ! -e "$dir/prom/mtuscope.prom"
is "$(in_ns "$ns" tc filter show dev "$hostile" ingress)$(in_ns "$ns" bpftool net list 2>/dev/null | grep -c mtuscope)" 0 "nothing stays attached"
[[ -z ${MTUSCOPE_OUT:-} ]] || cp "$dir"/log/* "$dir/mtuscope.json" "$dir/metrics" "$LAB_DIR"
rm -rf "$dir"
done_testing
