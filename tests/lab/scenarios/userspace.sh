#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The incident on a gateway whose WireGuard is a daemon, wireguard-go on a TUN device: no hook inside of WireGuard fires,
# the peers come from the daemon's socket. What is seen at tc must do.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
modprobe tun 2>/dev/null
lab_incident --gateway-daemon wireguard-go
tls_server "$LAB_SERVER" 465
start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start"
lab_replay_incident userspace tx "$LAB_RELAY_KEY"

# It does not answer for a while, in the midst of such an incident: its peers are those that it had. Its tunnel carries nothing then.
lab_tunnel_mtu 1440 1440
lab_path_mtu 1400
lab_serve 5001 --send 200000
start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start"
records=$MTUSCOPE_RECORDS
lab_spawn "$LAB_RELAY" /dev/null /dev/null ping -n -i 1 "$LAB_SERVER_IP"
ping=$LAB_PID
lab_spawn "$LAB_RELAY" /dev/null /dev/null timeout 60 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5001 --bytes 200000
check "another hole is found" wait_record "$records" 30 '.mtuscope.finding.class == "path-blackhole"'
pkill -STOP -x wireguard-go
counted()
{
	(($(jq -c 'select(.mtuscope.counters)' "$records" | wc -l) > $1))
}
check "time passes" wait_for 30 "counters" counted "$(jq -c 'select(.mtuscope.counters)' "$records" | wc -l)"
pkill -CONT -x wireguard-go
stop_mtuscope
lab_kill "$ping"
is "$(jq -r 'select(.mtuscope.finding) | .mtuscope.finding.peer.public_key' "$records" | sort -u)" "$LAB_RELAY_KEY" \
	"all that is found is about the peer"

# The same daemon that does not answer at all, as when it hangs: the tunnel is watched, its peers are not known.
pkill -STOP -x wireguard-go
start_mtuscope "$LAB_GW" -i wg0 || bail_out "mtuscope does not start"
records=$MTUSCOPE_RECORDS
pkill -CONT -x wireguard-go
stop_mtuscope
assert_record "$records" '.mtuscope.status | select(.state == "ready") | [.interfaces[] | select(.role == "tunnel") | .name] == ["wg0"]' \
	"a tunnel whose daemon hangs is watched"
assert_record "$records" '[.mtuscope.status.interfaces[] | .wireguard // empty] == ["daemon"]' "it says whose WireGuard it is"
done_testing
