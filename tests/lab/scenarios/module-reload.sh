#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The WireGuard module comes after mtuscope, and where it is hooked by kprobes, which do not hold it, goes and comes
# again: its hooks must be attached each time. The event to be seen is a handshake that cannot be sent.
. "$(dirname "$0")/../lib.sh"
. "$LAB_REPO/tests/lab/counters.sh"

lab_require_wireguard
modprobe -r wireguard || bail_out "the module is in use"
host=host$$
lab_netns_add "$host"
ip -n "$host" link add eth7 type dummy
ip -n "$host" link set eth7 up
start_mtuscope "$host" -i eth7 || bail_out "mtuscope does not start"
records=$MTUSCOPE_RECORDS

# hooked true|false: whether the last status says that all of the module's hooks are attached, or that none is.
hooked()
{
	jq -e -n --argjson attached "$1" '[inputs | .mtuscope.status // empty] | last | [.hooks[] |
		select(.name | IN("wg_xmit", "wg_socket_send_skb_to_peer", "wg_allowedips_lookup_src")) | .attached] ==
		[$attached, $attached, $attached]' "$records" >/dev/null
}

# unsent: a tunnel is made, has something to send, and no way to its peer; then it is removed.
unsent()
{
	lab_wg "$host" wg0 "$(wg genkey)" 1420 "$(wg genkey | wg pubkey)" 192.0.2.1:51820 0 10.1.0.0/16
	ip -n "$host" address add 10.1.0.1/16 dev wg0
	wait_for 30 "the module's hooks" hooked true
	in_ns "$host" ping -n -q -c 1 -W 1 10.1.0.2 >/dev/null 2>&1
	ip -n "$host" link del wg0
}

unsent
if modprobe -r wireguard 2>/dev/null; then
	note "the module is gone again"
	wait_for 30 "its hooks to go with it" hooked false
else
	note "the module is held"
fi
unsent
stop_mtuscope

is "$(lab_tallied "$records" send-error '.aux == 101 and .remote.ip == "192.0.2.1"')" 2 \
	"both tunnels' handshakes failed"
check "the module's hooks are attached" hooked true
done_testing
