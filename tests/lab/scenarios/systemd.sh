#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Debian package under a real systemd, which is process 1 of a namespace of its own: the unit as shipped finds the
# incident and survives what a service goes through, journald and its catalog know the records, and nothing is left.
. "$(dirname "$0")/../lib.sh"

unit=mtuscope.service


# --- systemd -------------------------------------------------------------------

# mask_others: of what systemd starts by itself, only what the unit needs.
mask_others()
{
	local wanted

	for wanted in /{usr/lib,etc}/systemd/system/{sysinit,basic,local-fs,sockets,timers,multi-user}.target.wants/*; do
		case ${wanted##*/} in
		systemd-journal*.socket | systemd-journald.service | '*') ;;
		*) ln -sf /dev/null "/etc/systemd/system/${wanted##*/}" ;;
		esac
	done
}

start_systemd()
{
	mkdir -p /run/systemd/journald.conf.d
	printf '[Journal]\nStorage=volatile\nForwardToConsole=no\n' >/run/systemd/journald.conf.d/lab.conf
	env -i container=lab PATH="$PATH" unshare --pid --fork --mount-proc --propagation slave --cgroup --kill-child=KILL \
		/lib/systemd/systemd --system --unit=multi-user.target --log-target=journal </dev/null >"$(lab_file systemd.err)" 2>&1 &
	lab_pids+=("$!")
	unshare_pid=$!
	wait_for 20 "systemd" find_systemd
	wait_for 60 "systemd to have started all" systemd_is_up
}

find_systemd()
{
	systemd_pid=$(pgrep -P "$unshare_pid" systemd)
}

# in_systemd COMMAND...: as its processes see the machine.
in_systemd()
{
	nsenter -t "$systemd_pid" -m -p -- "$@"
}

systemd_is_up()
{
	[[ $(in_systemd systemctl is-system-running 2>/dev/null) =~ ^(running|degraded)$ ]]
}

# property NAME: of the unit.
property()
{
	in_systemd systemctl show -P "$1" "$unit"
}

property_is()
{
	[[ $(property "$1") == "$2" ]]
}

# configure NS LINE...: the unit in this namespace, with these options beside the shipped ones.
configure()
{
	local ns=$1

	shift
	printf '[Service]\nNetworkNamespacePath=/run/netns/%s\nRestartSec=1\nWatchdogSec=8\nTimeoutAbortSec=2\n' "$ns" \
		>"/etc/systemd/system/$unit.d/lab.conf"
	printf '%s\n' "$@" >/etc/mtuscope.conf
	cat "$LAB_DIR/shipped.conf" >>/etc/mtuscope.conf
}

give_up()
{
	note "$(in_systemd journalctl -q --no-pager -o cat -u "$unit" | tail -n 20)"
	bail_out "the unit does not start"
}

# journal JQ_FILTER: an entry of the unit passes.
journal()
{
	in_systemd journalctl -q --no-pager -a -o json -u "$unit" >"$(lab_file journal.json)"
	lab_find_record "$(lab_file journal.json)" "$1"
}

# capabilities: what the process is permitted, uses, and would hand on.
capabilities()
{
	# shellcheck disable=SC2016 # for awk
	in_systemd awk '/^Cap(Prm|Eff|Amb)/ { print $2 }' "/proc/$(property MainPID)/status" | paste -sd ' '
}

# programs: the BPF programs in the kernel that are not systemd's.
programs()
{
	bpftool -j prog list | jq -r '.[] | "\(.type) \(.name)"' | grep -v ' sd_' | sort
}

clean()
{
	[[ $(programs) == "$before" ]]
}

filters()
{
	local dev

	for dev in wg0 wan0 lan0; do
		in_ns "$LAB_GW" tc filter show dev "$dev" ingress
		in_ns "$LAB_GW" tc filter show dev "$dev" egress
	done
	in_ns "$LAB_GW" bpftool net list | grep mtuscope
}

[[ ${MTUSCOPE_VM:-} ]] || skip_all "it installs the package, which is for a virtual machine only"
lab_require_wireguard
modprobe -r wireguard || bail_out "the module is in use"
lab_netns_add "empty$$"
before=$(programs)
mask_others

# --- the package ---------------------------------------------------------------

# Triggers by hand: the index of all manual pages takes longer than the rest.
dpkg --force-unsafe-io --no-triggers -i "$LAB_REPO"/build/deb/mtuscope_*.deb >"$(lab_file dpkg.err)" 2>&1 ||
	bail_out "the package cannot be installed; make deb"
dpkg --force-unsafe-io --triggers-only systemd >>"$(lab_file dpkg.err)" 2>&1
cp /etc/mtuscope.conf "$LAB_DIR/shipped.conf"
is "$(dpkg-query -W -f '${db:Status-Abbrev}' mtuscope)" "ii " "the package is installed"
check "mtuscope takes the configuration shipped" mtuscope serve --check-config
is "$(systemctl is-enabled "$unit")" enabled "the unit is enabled"

# --- before there is a tunnel ----------------------------------------------------

mkdir -p "/etc/systemd/system/$unit.d"
# Where the module comes late nobody has loaded it.
ln -s /dev/null /etc/systemd/system/modprobe@wireguard.service
configure "empty$$"
start_systemd || bail_out "systemd does not start"
property_is ActiveState active || give_up
is "$(property ActiveState)" active "it starts by itself where there is no tunnel"
is "$(capabilities)" "0000000000001000 0000000000001000 0000000000000000" "with CAP_NET_ADMIN alone"
restarts=$(property NRestarts)
modprobe wireguard
check "a module that it cannot hook makes it start again" wait_for 30 "a restart" \
	eval "((\$(property NRestarts) > $restarts))"
check "and it says why" wait_for 10 "the reason" journal '.MESSAGE | test("kernel module was loaded")'
rm /etc/systemd/system/modprobe@wireguard.service

# --- the incident ----------------------------------------------------------------

lab_incident
tls_server "$LAB_SERVER" 465
records=/var/log/mtuscope/records.json
configure "$LAB_GW" "output = $records" "listen = unix:/run/mtuscope/metrics" "probe = yes"
in_systemd systemctl daemon-reload
in_systemd systemctl restart "$unit" || give_up
is "$(property ActiveState)" active "it is ready"
assert_record "$records" '.mtuscope.status.state == "ready"' "with all hooks"
pid=$(property MainPID)
is "$(in_systemd ps -o user= -p "$pid")" mtuscope "as mtuscope"
is "$(capabilities)" "0000000000003000 0000000000003000 0000000000000000" "with CAP_NET_ADMIN, and CAP_NET_RAW to probe"
check_fails "programs are in the kernel" clean
check "metrics are served" curl -sSf --unix-socket /run/mtuscope/metrics -o "$(lab_file metrics)" http://x/metrics

hole='.mtuscope.finding | .class == "path-blackhole" and .interface == "wg0" and'
is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 5)" stalled "TLS stalls"
check "the incident is found" wait_record "$records" 20 "$hole .state == \"open\""
check "and measured from inside the unit's sandbox" wait_record "$records" 30 \
	"$hole .recommended_mtu == 1440 and .recommended_basis == \"probe\""
check "journald has it, field by field" wait_for 10 "the entry" journal "
	.MESSAGE_ID == \"5d1fdf2bd8f54a1ea7b9e67f4a6c6f10\" and .PRIORITY == \"2\" and .SYSLOG_IDENTIFIER == \"mtuscope\" and
	.MTUSCOPE_CLASS == \"path-blackhole\" and .MTUSCOPE_INTERFACE == \"wg0\" and
	(.MTUSCOPE_RECORD | fromjson | .mtuscope.finding.peer.public_key) == \"$LAB_RELAY_KEY\""
in_systemd journalctl --no-pager -x -u "$unit" MESSAGE_ID=5d1fdf2bd8f54a1ea7b9e67f4a6c6f10 >"$(lab_file catalog)"
check "the catalog explains it" grep -q "Subject: mtuscope: path-blackhole on wg0" "$(lab_file catalog)"

# --- what a service goes through ---------------------------------------------------

in_systemd logrotate -f -s "$LAB_DIR/logrotate" /etc/logrotate.d/mtuscope >"$(lab_file logrotate.err)" 2>&1
is "$?" 0 "logrotate is content"
check "the rotated records are there" test -s "$records.1"
check "the reload has opened new ones" wait_for 20 "the file" test -e "$records"
is "$(property MainPID)" "$pid" "by the same process"
lab_tunnel_mtu 1440 1440
is "$(tls_client "$LAB_RELAY" "$LAB_SERVER_IP" 465 20)" complete "TLS completes with MTU 1440"
check "the finding is resolved" wait_record "$records" 20 "$hole .state == \"resolved\""

restarts=$(property NRestarts)
in_systemd kill -STOP "$pid"
check "one that hangs is killed and started again" wait_for 60 "a restart" property_is NRestarts $((restarts + 1))
check "by the watchdog" journal '.MESSAGE | test("Watchdog timeout")'
check "and is ready again" wait_for 30 "it to be ready" property_is ActiveState active

in_systemd systemctl stop "$unit"
is "$(property ActiveState) $(property Result)" "inactive success" "it stops"
check "no program is left in the kernel" wait_for 10 "the kernel to free them" clean
is "$(filters)" "" "nor a filter"
in_systemd systemctl start "$unit"
is "$(property ActiveState)" active "and it starts again"
in_systemd systemctl stop "$unit"
assert_json "$records" "every line is JSON"
in_systemd journalctl -q --no-pager >"$(lab_file journal.txt)"
kill -9 "$systemd_pid"
done_testing
