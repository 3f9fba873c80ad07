#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What it cannot do it says in one line on stderr, with exit status 3 and nothing on stdout.
. "$(dirname "$0")/../lib.sh"

lab_require_wireguard
lab_netns_add "empty$$"
ip -n "empty$$" link add eth7 type dummy

# refuses DESCRIPTION PATTERN COMMAND...
refuses()
{
	local what=$1 pattern=$2 status=0 out

	shift 2
	out=$("$@" 2>"$(lab_file refusal.err)" </dev/null) || status=$?
	is "$status" 3 "$what: exit status 3"
	is "$(wc -l <"$(lab_file refusal.err)")" 1 "$what: one line on stderr"
	check "$what: it says why" grep -qE "$pattern" "$(lab_file refusal.err)"
	is "$out" "" "$what: nothing on stdout"
}

refuses "unknown option" "unknown option: --frobnicate" "$LAB_MTUSCOPE" watch --frobnicate
refuses "option without value" "needs a value: --duration" "$LAB_MTUSCOPE" watch --duration
refuses "bad duration" "not a duration: 5 years" "$LAB_MTUSCOPE" watch --duration "5 years"
refuses "bad format" "unknown format: xml" "$LAB_MTUSCOPE" watch --format xml
refuses "unknown command" "unknown command: wacht" "$LAB_MTUSCOPE" wacht
refuses "no WireGuard interface" "no WireGuard interface.*eth7.*-i eth7" in_ns "empty$$" "$LAB_MTUSCOPE" watch
refuses "no such interface" "no such interface.*: wg9" in_ns "empty$$" "$LAB_MTUSCOPE" watch -i wg9
refuses "no privilege" "needs root" in_ns "empty$$" setpriv --reuid 65534 --clear-groups "$LAB_MTUSCOPE" watch -i eth7
refuses "no BTF" "no type information" in_ns "empty$$" unshare -m sh -c \
	"mount -t tmpfs none /sys/kernel/btf && exec $LAB_MTUSCOPE watch -i eth7"
refuses "no BTF at the named place" "/nowhere" in_ns "empty$$" "$LAB_MTUSCOPE" watch -i eth7 --btf /nowhere
refuses "output that cannot be written" "cannot write to /proc/x" in_ns "empty$$" "$LAB_MTUSCOPE" watch -i eth7 -o /proc/x

for command in "" watch hooks; do
	# shellcheck disable=SC2086 # none is a case as well
	check "help of '$command'" grep -q usage: <("$LAB_MTUSCOPE" $command --help)
done
check "version" grep -qE '^mtuscope [0-9.]+$' <("$LAB_MTUSCOPE" --version)
done_testing
