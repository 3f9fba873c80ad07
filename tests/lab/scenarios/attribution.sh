#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whose trouble it is, while things change: two peers of which one is behind the hole; that peer roams to another
# address, is removed and comes back; a second tunnel appears later and has a hole of its own.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
lab_incident
lab_branch
tls_server "$LAB_SERVER" 465
# Both send large packets to the server's network; the branch's path carries them, its tunnel being 1420.
start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start"
records=$MTUSCOPE_RECORDS

finding='.mtuscope.finding | select(.class == "path-blackhole" and .direction == "tx")'
of_relay="$finding | select(.peer.public_key == \"$LAB_RELAY_KEY\")"

is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 5)" stalled "the relay's TLS stalls"
in_ns "$LAB_BRANCH" "$LAB_TRAFFIC" udp-send 10.30.0.3 9000 --size 1300 --count 50 --interval 1 >/dev/null
check "the branch gets full packets" lab_pings "$LAB_GW" 10.30.0.7 1392
assert_record "$records" "$of_relay | .state == \"open\"" "a finding names the relay"
refute_record "$records" ".mtuscope.finding | select(.peer.public_key == \"$LAB_BRANCH_KEY\" and .severity == \"critical\")" \
	"and none the branch"
assert_record "$records" "$of_relay | any(.fix[]; test(\"for this peer alone: ip route replace 10.30.0.1/32 dev wg0 mtu\"))" \
	"it offers a smaller MTU for the relay's routes alone"

# The relay moves. It speaks first, so that the gateway learns of it.
lab_ip "$LAB_RELAY" <<-END
	address del 198.51.100.1/24 dev eth0
	address add 198.51.100.7/24 dev eth0
	route replace default via 198.51.100.254
END
is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 5)" stalled "it stalls from the other address as well"
check "the finding follows the peer" wait_record "$records" 10 \
	"$of_relay | .state == \"update\" and .peer.endpoint.ip == \"198.51.100.7\""
is "$(jq -r "$of_relay | .id" "$records" | sort -u | wc -l)" 1 "it is still the same finding"

in_ns "$LAB_GW" wg set wg0 peer "$LAB_RELAY_KEY" remove
check "a removed peer has no finding" wait_record "$records" 20 "$of_relay | .state == \"resolved\""
in_ns "$LAB_GW" wg set wg0 peer "$LAB_RELAY_KEY" endpoint 198.51.100.7:51820 allowed-ips 10.30.0.1/32,fd30::1/128
wait_for 20 "the tunnel to answer again" lab_pings "$LAB_RELAY" "$LAB_SERVER_IP" 56
lab_end_flows
is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 5)" stalled "the peer is back, and stalls"
check "it is found again" wait_record "$records" 5 "$of_relay | .id as \$id | .state == \"open\" and \$id != \"$(
	jq -r "$of_relay | select(.state == \"resolved\") | .id" "$records" | head -n 1)\""

# A second tunnel between the same hosts, made while mtuscope runs.
key_relay=$(wg genkey) key_gw=$(wg genkey)
ip -n "$LAB_GW" link add wg1 mtu 8920 type wireguard
ip -n "$LAB_RELAY" link add wg1 mtu 8920 type wireguard
in_ns "$LAB_GW" wg set wg1 listen-port 51821 private-key <(echo "$key_gw") \
	peer "$(wg pubkey <<<"$key_relay")" endpoint 198.51.100.7:51821 allowed-ips 10.31.0.1/32
in_ns "$LAB_RELAY" wg set wg1 listen-port 51821 private-key <(echo "$key_relay") \
	peer "$(wg pubkey <<<"$key_gw")" endpoint "${LAB_GW_ENDPOINT%:*}:51821" allowed-ips 10.31.0.3/32,192.168.3.0/24
ip -n "$LAB_GW" address add 10.31.0.3/24 dev wg1
ip -n "$LAB_RELAY" address add 10.31.0.1/24 dev wg1
ip -n "$LAB_GW" link set wg1 up
ip -n "$LAB_RELAY" link set wg1 up
in_ns "$LAB_RELAY" wg set wg0 peer "$LAB_GW_KEY" remove
ip -n "$LAB_RELAY" route replace 192.168.3.0/24 dev wg1
check "the new tunnel is watched" wait_record "$records" 10 \
	'.mtuscope.status.interfaces[]? | .name == "wg1" and .role == "tunnel"'
wait_for 20 "the new tunnel to answer" lab_pings "$LAB_RELAY" 10.31.0.3 56
is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 5)" stalled "TLS stalls in the new tunnel"
assert_record "$records" "$finding | .interface == \"wg1\" and .state == \"open\" and
	.peer.public_key == \"$(wg pubkey <<<"$key_relay")\"" "a finding names the new tunnel and its peer"
stop_mtuscope
is "$MTUSCOPE_STATUS" 2 "the exit status is 2"
done_testing
