#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The look-alikes of the incident that must stay silent, while a second pair of hosts on the same kernel
# does have the black hole: the same topology with a tunnel MTU that fits, and at 8921 with a path that
# really carries 9001 bytes. Also: mtuscope sees its own namespace and no other.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
# The neighbour first: its hosts stay in variables of their own.
lab_incident --prefix "bad$$-"
bad_relay=$LAB_RELAY bad_server=$LAB_SERVER
tls_server "$bad_server" 465

# healthy NAME OPTION...: a pair built like that transfers data, and mtuscope on both ends says nothing.
healthy()
{
	local name=$1 relay_records relay_pid

	shift
	lab_incident --prefix "ok$$-" "$@"
	tls_server "$LAB_SERVER" 465
	start_mtuscope "$LAB_RELAY" || bail_out "mtuscope does not start"
	relay_records=$MTUSCOPE_RECORDS relay_pid=$MTUSCOPE_PID
	start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start"

	lab_spawn "$bad_relay" /dev/null /dev/null timeout 5 openssl s_client -connect "$LAB_SERVER_IP:465"
	is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 20)" complete "$name: TLS completes"
	check "$name: bulk data comes through" bulk
	is "$(tls_client "$bad_relay" "$LAB_SERVER_IP" 465 5)" stalled "$name: TLS stalls for the neighbour"
	stop_mtuscope
	is "$MTUSCOPE_STATUS" 0 "$name: exit status 0 on the gateway"
	refute_record "$MTUSCOPE_RECORDS" .mtuscope.finding "$name: no finding on the gateway"
	stop_mtuscope "$relay_pid"
	is "$MTUSCOPE_STATUS" 0 "$name: exit status 0 on the relay"
	refute_record "$relay_records" .mtuscope.finding "$name: no finding on the relay"
	lab_demolish
}

# bulk: 20 MB from the server to the relay.
bulk()
{
	lab_serve 5001 --send 20000000
	in_ns "$LAB_RELAY" timeout 60 "$LAB_TRAFFIC" tcp-get "$LAB_SERVER_IP" 5001 --bytes 20000000
}

healthy "tunnel MTU 1420" --tunnel-mtu-a 1420 --tunnel-mtu-b 1420
healthy "jumbo path" --path-mtu 9001
done_testing
