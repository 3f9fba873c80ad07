#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The incident, watched on the relay, which never sees what does not arrive. Once with nothing but the
# stalled transfer in the tunnel: the end of the server's flight is small and arrives, its beginning is a hole that stays
# open. Once with a monitoring ping a second, as in the real case ("ping works"): its replies show by
# WireGuard's counters what was lost before them.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
lab_incident
tls_server "$LAB_SERVER" 465
start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start"
lab_replay_incident alone rx "$LAB_GW_KEY"

lab_tunnel_mtu 8921 8920
start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start"
lab_spawn "$LAB_RELAY" "$(lab_file ping.out)" "$(lab_file ping.err)" ping -n -i 1 "$LAB_SERVER_IP"
wait_for 10 "a reply to the monitoring ping" grep -q "bytes from" "$(lab_file ping.out)"
lab_replay_incident monitored rx "$LAB_GW_KEY"
done_testing
