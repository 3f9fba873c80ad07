#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A gateway of 1,000 peers, and more connections at once than the flow table holds: memory is bounded, what had no room is
# counted, and the incident is still found.
. "$(dirname "$0")/../lib.sh"

FLOWS=70000
PLACES=65536 # of the table
MEMORY_KB=120000

lab_require_wireguard
lab_incident
tls_server "$LAB_SERVER" 465

# 1,000 more peers; any 32 bytes are a key.
perl -MMIME::Base64 -e 'for my $i (1 .. 1000) {
	printf "[Peer]\nPublicKey = %s\nEndpoint = 198.51.100.9:%d\nAllowedIPs = 10.64.%d.%d/32, fd64::%x/128\n",
		encode_base64(pack("N8", map { $i * 2654435761 % 4294967291 + $_ } 1 .. 8), ""), 1024 + $i, $i >> 8, $i & 255, $i
}' >"$(lab_file peers.conf)"
in_ns "$LAB_GW" wg addconf wg0 "$(lab_file peers.conf)" || bail_out "cannot add peers"
is "$(in_ns "$LAB_GW" wg show wg0 peers | wc -l)" 1001 "the gateway has 1,001 peers"

# The flood gets no answer, which would mark its flows as over.
in_ns "$LAB_SERVER" nft 'add table inet flood; add chain inet flood in { type filter hook input priority 0; };
	add rule inet flood in tcp dport 7-20 counter drop'

# flood: until so many have come; a machine in a hurry drops most of them on the way.
flood()
{
	local port come=0

	for port in 7 9 11 13 15 17 19; do
		in_ns "$LAB_RELAY" "$LAB_TRAFFIC" syn-flood "$LAB_SERVER_IP" "$port" --count "$FLOWS" || return
		come=$(in_ns "$LAB_SERVER" nft -j list chain inet flood in | jq '[.. | .counter?.packets? // empty] | add')
		((come < FLOWS)) || return 0
	done
	echo "# only $come came"
	return 1
}

start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start"
records=$MTUSCOPE_RECORDS
# Its clock stands still meanwhile: however slow this machine is, all of them come at once, and none has waited long enough.
kill -STOP "$MTUSCOPE_PID"
check "$FLOWS connections are begun" flood
kill -CONT "$MTUSCOPE_PID"
is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 8)" stalled "TLS stalls"
check "the incident is found among them" wait_record "$records" 10 ".mtuscope.finding | .class == \"path-blackhole\" and
	.direction == \"tx\" and .peer.public_key == \"$LAB_RELAY_KEY\" and (.path_mtu | .lower <= 1500 and .upper > 1500)"
memory=$(awk '/^VmRSS/ { print $2 }' "/proc/$MTUSCOPE_PID/status")
check "it holds $memory KB, not more than $MEMORY_KB" test "$memory" -le "$MEMORY_KB"
stop_mtuscope
refute_record "$records" ".mtuscope.finding | select(.severity == \"critical\" and .peer.public_key != \"$LAB_RELAY_KEY\")" \
	"nobody else is blamed"
assert_record "$records" ".mtuscope.counters | .flows.tracked > $PLACES * 0.95 and .flows.tracked <= $PLACES" "the table is full, not more"
assert_record "$records" ".mtuscope.status | select(.state == \"exit\") | .lost.flow_evicted + .lost.flow_refused >= $((FLOWS - PLACES))" \
	"what had no room is counted"
done_testing
