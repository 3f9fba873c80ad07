#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kill -9 at any moment: from 6.6 nothing stays in the kernel; before, clsact filters stay and the next start
# removes them, and only them: a foreign filter and a living instance keep theirs.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
lab_incident

# leftovers: the names of our tc filters and programs that exist now, each once.
leftovers()
{
	{
		for dev in wg0 wan0; do
			in_ns "$LAB_GW" tc filter show dev "$dev" ingress
			in_ns "$LAB_GW" tc filter show dev "$dev" egress
		done
		bpftool prog show
	} | grep -o 'mtuscope_[a-z_]*' | sort -u
}

nothing_left()
{
	[[ -z $(leftovers) ]]
}

qdiscs()
{
	in_ns "$LAB_GW" tc qdisc show | grep -c clsact
}

start_and_kill()
{
	lab_spawn "$LAB_GW" "$(lab_file killed.json)" "$(lab_file killed.err)" "$LAB_MTUSCOPE" watch --json
	# At different moments of its start, attached or not yet.
	wait_for 30 "it to run for $1 ms" older_than "$LAB_PID" "$1"
	kill -9 "$LAB_PID"
	wait "$LAB_PID" 2>/dev/null
}

older_than()
{
	local start

	[[ -e /proc/$1 ]] || return 0
	start=$(awk '{ print $22 }' "/proc/$1/stat")
	(($(awk '{ print int($1 * 100) }' /proc/uptime) - start >= $2 / 10))
}

tcx()
{
	local major minor

	IFS=. read -r major minor _ < <(uname -r)
	((major > 6 || (major == 6 && minor >= 6)))
}

for ms in 100 300 700 1200 2000 3000 4000; do
	start_and_kill "$ms"
done
start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start"
kill -9 "$MTUSCOPE_PID"
wait "$MTUSCOPE_PID" 2>/dev/null
if tcx; then
	check "nothing is left after kill -9" wait_for 5 "the kernel to clean up" nothing_left
	is "$(qdiscs)" 0 "and no clsact qdisc"
else
	check "clsact filters survive kill -9" grep -q mtuscope <(leftovers)
fi

# A foreign filter on the same link, and an instance that lives on.
in_ns "$LAB_GW" tc qdisc add dev wan0 clsact 2>/dev/null
in_ns "$LAB_GW" tc filter add dev wan0 ingress pref 77 matchall action pass
start_mtuscope "$LAB_GW" || bail_out "mtuscope does not start"
first=$MTUSCOPE_PID
start_mtuscope "$LAB_GW" || bail_out "a second mtuscope does not start"
stop_mtuscope
is "$MTUSCOPE_STATUS" 0 "a second instance ends well"
check "the first instance keeps its programs" grep -q mtuscope_tun_tx <(leftovers)
stop_mtuscope "$first"
check "after a clean end nothing is left" wait_for 5 "the kernel to clean up" nothing_left
check "the foreign filter is still there" grep -q matchall <(in_ns "$LAB_GW" tc filter show dev wan0 ingress)
in_ns "$LAB_GW" tc qdisc del dev wan0 clsact
is "$(qdiscs)" 0 "no qdisc of ours is left"
done_testing
