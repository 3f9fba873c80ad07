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
refuses "a file that is no BTF" "/etc/passwd holds no type information" in_ns "empty$$" "$LAB_MTUSCOPE" watch -i eth7 --btf /etc/passwd
refuses "output that cannot be written" "cannot write to /proc/x" in_ns "empty$$" "$LAB_MTUSCOPE" watch -i eth7 -o /proc/x

# What people type.
in_empty()
{
	in_ns "empty$$" "$LAB_MTUSCOPE" "$@"
}
ip -n "empty$$" address add 192.0.2.1/24 dev eth7
ip -n "empty$$" link set eth7 up
refuses "check: no WireGuard" "no WireGuard interface.* links here: lo eth7$" in_empty check
refuses "check: a link" "not a WireGuard interface: eth7" in_empty check eth7
refuses "check: a long name" "not an interface name: wireguard-interface-1" in_empty check wireguard-interface-1
refuses "check: an unknown letter among letters" "unknown option: -w;" in_empty check -vw0
refuses "check: a value too many" "takes no value: --json=yes" in_empty check --json=yes
refuses "check: a directory" "cannot write to /tmp: Is a directory" in_empty check -o /tmp
refuses "probe: nobody" "needs: PEER.ADDRESS" in_empty probe
refuses "probe: two" "unexpected argument: 192.0.2.3" in_empty probe 192.0.2.2 192.0.2.3
refuses "probe: an interface" "an interface, name one of its peers.*: eth7" in_empty probe eth7
for word in "" 1.2.3 1.2.3.4.5 192.0.2.0/24 192.0.2.2:99999 mail.example fe80::1%eth7 AAAA '[::1]:1'; do
	refuses "probe: '$word'" "neither a numeric address nor the beginning of a peer's public key: " in_empty probe "$word"
done
for address in 0.0.0.0 255.255.255.255 224.0.0.1 :: ff02::1; do
	refuses "probe: $address" "not the address of one host: $address" in_empty probe "$address"
done
refuses "probe: link-local" "say which with --from INTERFACE: fe80::1" in_empty probe fe80::1
refuses "probe: from nowhere" "neither an address nor an interface.*: eth8" in_empty probe 192.0.2.2 --from eth8
refuses "probe: from the other family" "not of the family.*: ::1" in_empty probe 192.0.2.2 --from ::1
refuses "probe: no such interface" "no such interface.*: wg9" in_empty probe -i wg9 192.0.2.2
refuses "fix: no WireGuard" "no WireGuard interface" in_empty fix
refuses "fix: a link" "not a WireGuard interface: lo" in_empty fix lo
refuses "fix: a name with a dash" "unknown option: -w;" in_empty fix -wg0
refuses "fix: hexadecimal" "not a tunnel MTU.*: 0x580" in_empty fix --mtu 0x580
refuses "fix: undo and probe" "takes neither" in_empty fix --undo --probe

for command in "" watch hooks; do
	# shellcheck disable=SC2086 # none is a case as well
	check "help of '$command'" grep -q usage: <("$LAB_MTUSCOPE" $command --help)
done
check "version" grep -qE '^mtuscope [0-9.]+$' <("$LAB_MTUSCOPE" --version)
done_testing
