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

# The same daemon that does not answer, as when it hangs: the tunnel is watched, its peers are not known.
pkill -STOP -x wireguard-go
start_mtuscope "$LAB_GW" -i wg0 || bail_out "mtuscope does not start"
records=$MTUSCOPE_RECORDS
pkill -CONT -x wireguard-go
stop_mtuscope
assert_record "$records" '.mtuscope.status | select(.state == "ready") | [.interfaces[] | select(.role == "tunnel") | .name] == ["wg0"]' \
	"a tunnel whose daemon hangs is watched"
assert_record "$records" '[.mtuscope.status.interfaces[] | .wireguard // empty] == ["daemon"]' "it says whose WireGuard it is"
done_testing
