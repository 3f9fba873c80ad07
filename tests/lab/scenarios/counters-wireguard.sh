#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What WireGuard and the stack around it do without a trace: packets refused for their inner source, packets that
# could not be sent, drops by reason, retransmissions of the host's own connections. Against the interface's,
# nftables' and TCP's counters.
. "$(dirname "$0")/../lib.sh"
. "$LAB_REPO/tests/lab/counters.sh"

COUNT=30

lab_require_wireguard
lab_incident
lab_spawn "$LAB_SERVER" /dev/null "$(lab_file serve.err)" "$LAB_TRAFFIC" tcp-serve 5002 --bytes 200000 --send 1
wait_for 10 "the server" lab_listens "$LAB_SERVER" 5002
in_ns "$LAB_RELAY" nft -f - <<-END || bail_out "cannot set the relay's rules"
	table inet refuse {
		chain in {
			type filter hook input priority 0;
			udp dport 9 counter drop
		}
	}
END
start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start"
records=$MTUSCOPE_RECORDS

# pings NS ADDRESS OPTION...: COUNT requests that nobody answers.
pings()
{
	in_ns "$1" ping -n -q -i 0.02 -c "$COUNT" -W 1 "${@:3}" "$2" >/dev/null 2>&1
}

# From a source that the relay does not allow the gateway.
ip -n "$LAB_GW" address add 10.99.0.1/32 dev lo
pings "$LAB_GW" 10.30.0.1 -I 10.99.0.1
errors=$(ip -n "$LAB_RELAY" -s -j link show dev wg0 | jq '.[].stats64.rx.errors')

# Refused by the relay's own firewall.
in_ns "$LAB_GW" "$LAB_TRAFFIC" udp-send 10.30.0.1 9 --size 100 --count "$COUNT" --interval 5 >"$(lab_file send.out)"

# No way to the peer's endpoint, for a while.
ip -n "$LAB_RELAY" route del default
pings "$LAB_RELAY" "$LAB_SERVER_IP"
ip -n "$LAB_RELAY" route add default via 198.51.100.254

# sent_again COUNT: more segments than that.
sent_again()
{
	(($(lab_counter "$LAB_RELAY" TcpRetransSegs) > $1))
}

# Segments that the path swallows, sent again and again until the tunnel is down. It goes down just after one of them, seconds
# before the next: the kernel counts what it cannot send as well.
retransmitted=$(lab_counter "$LAB_RELAY" TcpRetransSegs)
in_ns "$LAB_RELAY" timeout 5 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5002 --send 200000 --bytes 1 >/dev/null 2>&1
wait_for 30 "one more segment sent again" sent_again "$(lab_counter "$LAB_RELAY" TcpRetransSegs)"
ip -n "$LAB_RELAY" link set wg0 down
retransmitted=$(($(lab_counter "$LAB_RELAY" TcpRetransSegs) - retransmitted))
stop_mtuscope

is "$errors" "$COUNT" "the interface has refused packets for their source"
is "$(lab_tallied "$records" source-refused)" "$errors" "so says mtuscope"
is "$(lab_tallied "$records" source-refused '.remote.ip == "10.99.0.1" and .layer == "inner"')" "$errors" \
	"the source is named"
dropped=$(lab_nft_count "$LAB_RELAY" refuse)
is "$dropped" "$COUNT" "the firewall has dropped packets"
if (($(uname -r | cut -d . -f 1) > 5)); then reason=NETFILTER_DROP; else reason="at nf_hook_slow"; fi
is "$(lab_dropped "$records" "$reason")" "$dropped" "so says mtuscope: $reason"
check "the path has swallowed segments" test "$retransmitted" -gt 0
is "$(lab_tallied "$records" tcp-retransmit)" "$retransmitted" "mtuscope has seen every one sent again"
to_server='.remote.ip == "192.168.3.69" and .remote.port == 5002 and .size.max <= 8921'
is "$(lab_tallied "$records" tcp-retransmit "$to_server")" \
	"$retransmitted" "to whom, and no larger than the tunnel's MTU"
unreachable='.aux == 101 and .remote == {ip: "203.0.113.3", port: 51820}'
is "$(lab_tallied "$records" send-error "$unreachable")" "$COUNT" \
	"packets that could not be sent: network unreachable, to the peer's endpoint"

# What is under way while hooks are attached is not half seen: where a call has begun before, its end tells nothing.
ip -n "$LAB_RELAY" link set wg0 up
ip -n "$LAB_RELAY" route replace 192.168.3.0/24 dev wg0
for _ in 1 2 3; do lab_spawn "$LAB_RELAY" /dev/null /dev/null ping -n -q -i 0.01 "$LAB_SERVER_IP"; done
start_mtuscope "$LAB_GW" watch || bail_out "mtuscope does not start"
check "much has come" wait_record "$MTUSCOPE_RECORDS" 30 ".mtuscope.counters.peers[0].rx.received > 100"
stop_mtuscope
assert_record "$MTUSCOPE_RECORDS" '.mtuscope.status | select(. and .state == "exit" and .lost.unparsed == 0)' \
	"started on a busy tunnel: nothing is unparsed"
done_testing
