# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a lab scenario sources: many hosts in one guest, each a network namespace.
# Scenarios run as root inside scripts/vm (or natively where the kernel has
# WireGuard), speak TAP on stdout, and end with done_testing.  What they start is
# ended, and what they build is removed, however they end.
#
#   tap.sh       ok, check, is, skip, done_testing, ...
#   incident.sh  lab_incident and its path; the drawing is there
#   this file    waiting, processes, parts that run side by side, mtuscope and its records, TLS
#
# For the scenario: LAB_DIR (a directory for logs), LAB_TRAFFIC, LAB_MTUSCOPE.

set -uo pipefail

LAB_REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
LAB_TOOLS=${LAB_TOOLS:-$LAB_REPO/build/tests}
LAB_CHAIN=${LAB_CHAIN:-$LAB_TOOLS/chain}
LAB_TRAFFIC=${LAB_TRAFFIC:-$LAB_TOOLS/traffic}
LAB_MTUSCOPE=${LAB_MTUSCOPE:-$LAB_REPO/build/mtuscope}
LAB_NAME=$(basename "$0" .sh)

lab_pids=()
lab_netns=()
lab_parts=()
# A pipe that nobody writes to: lab_pause reads from it.
exec {lab_nothing}<> <(:)

PATH=$PATH:/usr/sbin:/sbin

# shellcheck source=/dev/null
. "$LAB_REPO/tests/lab/tap.sh"
# shellcheck source=/dev/null
. "$LAB_REPO/tests/lab/incident.sh"

# --- life and death --------------------------------------------------------

lab_cleanup()
{
	local status=$? ns

	trap - EXIT
	trap '' INT TERM
	if [[ -z $lab_done ]]; then
		echo "Bail out! $LAB_NAME ended before its end (status $status)"
		((status)) || status=1
	fi
	lab_kill "${lab_pids[@]}" "${lab_parts[@]#*:}"
	for ns in "${lab_netns[@]}"; do lab_netns_del "$ns"; done
	[[ -n ${MTUSCOPE_OUT:-} ]] || rm -rf "$LAB_DIR"
	exit "$status"
}

# lab_kill PID...: ends processes of ours, politely, then not.
lab_kill()
{
	local pid

	for pid; do kill "$pid" 2>/dev/null; done
	for pid; do
		lab_gone_within 20 "$pid" || kill -9 "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
}

# lab_gone_within TENTHS PID
lab_gone_within()
{
	local tenths=$1 pid=$2

	# A child that ended stays a zombie until it is waited for.
	while [[ -e /proc/$pid/stat ]] && ! lab_is_zombie "$pid"; do
		((tenths-- > 0)) || return 1
		lab_pause 0.1
	done
}

# lab_is_zombie PID. Without a process of its own, as all that is asked again and again: starting one costs an emulated
# machine a tenth of a second.
lab_is_zombie()
{
	local stat=

	read -r stat 2>/dev/null <"/proc/$1/stat"
	[[ ${stat##*) } == Z* ]]
}

# lab_pause SECONDS: as sleep(1), likewise.
lab_pause()
{
	read -r -t "$1" -u "$lab_nothing"
	return 0
}

# now_ms: a clock for waiting, in milliseconds.
now_ms()
{
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# wait_for SECONDS DESCRIPTION COMMAND...: polls until the command succeeds; says so if it never does.
wait_for()
{
	local seconds=$1 what=$2 end

	shift 2
	# As now_ms, but without a process of its own.
	end=$((${EPOCHREALTIME/[.,]/} + seconds * 1000000))
	until "$@"; do
		if ((${EPOCHREALTIME/[.,]/} >= end)); then
			note "waited ${seconds}s in vain for $what"
			return 1
		fi
		lab_pause 0.1
	done
}

# in_ns NS COMMAND...: in this network namespace; where NS is empty, here.  By a helper of our own, since a scenario starts
# hundreds: nsenter(1) costs an emulated machine 60 ms more, and "ip netns exec" also mounts a /sys; lab_spawn does that, as
# people do.
in_ns()
{
	local ns=$1

	shift
	${ns:+"$LAB_TOOLS/in-ns" "$ns"} "$@"
}

# lab_spawn NS OUT ERR COMMAND...: starts it in the background, likewise; its pid is LAB_PID.
lab_spawn()
{
	local ns=$1 out=$2 err=$3

	shift 3
	# A shell's background process ignores SIGINT unless told otherwise.
	${ns:+ip netns exec "$ns"} env --default-signal=INT,QUIT "$@" </dev/null >"$out" 2>"$err" &
	LAB_PID=$!
	lab_pids+=("$LAB_PID")
}

# lab_beside NAME COMMAND...: a part of the scenario that needs nothing of the others: it runs while they go on, with
# hosts, files and tests of its own. lab_join waits for all such parts and says what they have said.
lab_beside()
{
	mkdir -p "$LAB_DIR/$1"
	lab_part "$@" >"$LAB_DIR/$1.tap" &
	lab_parts+=("$1:$!")
}

# lab_part NAME COMMAND...: likewise; a process of its own.
lab_part()
{
	# shellcheck disable=SC2034 # tap.sh has them
	lab_tests=0 lab_failed=0
	lab_pids=() lab_netns=() lab_parts=() LAB_DIR=$LAB_DIR/$1
	trap lab_cleanup EXIT
	trap 'exit 143' TERM
	"${@:2}"
	lab_done=yes
}

lab_join()
{
	local part line status

	for part in "${lab_parts[@]}"; do
		status=0
		wait "${part#*:}" || status=$?
		while IFS= read -r line; do
			case $line in
			ok\ *) ok "${line#* - }" ;;
			not\ ok\ *) not_ok "${line#* - }" ;;
			*) bail_out "${part%:*}: ${line#Bail out! }" ;;
			esac
		done <"$LAB_DIR/${part%:*}.tap"
		((status == 0)) || bail_out "${part%:*} ended with status $status"
	done
	lab_parts=()
}

# lab_file NAME: a path for something worth keeping.
lab_file()
{
	echo "$LAB_DIR/$1"
}

# lab_sample FILE DIR PORT: prints what contrib/ has for a syslog server, with this directory and port in it.
lab_sample()
{
	sed "s|/var/log/|$2/|; s|10514|$3|" "$LAB_REPO/contrib/$1"
}

# lab_rsyslog NS DIR PORT: starts rsyslog with our sample, LAB_PID says which; what it is sent comes to DIR/mtuscope.json.
lab_rsyslog()
{
	lab_sample rsyslog/mtuscope.conf "$2" "$3" >"$2/rsyslog.conf"
	lab_spawn "$1" /dev/null "$(lab_file rsyslog.err)" rsyslogd -n -f "$2/rsyslog.conf" -i "$2/rsyslog.pid"
	wait_for 20 "rsyslog" lab_listens "$1" "$3" || bail_out "rsyslog does not start"
}

lab_diagnose()
{
	local ns

	{
		for ns in "${lab_netns[@]}"; do
			echo "--- $ns"
			ip -n "$ns" -br addr
			ip -n "$ns" -br link
			ip -n "$ns" route show table main
			in_ns "$ns" wg show 2>/dev/null
			in_ns "$ns" nstat -as 2>/dev/null | grep -E 'Frag|Reasm|DestUnreach|PktTooBig|Retrans|MTUP|PMTU'
			in_ns "$ns" nft list ruleset 2>/dev/null
		done
		for ns in "$LAB_DIR"/*.err; do
			[[ -s $ns ]] || continue
			echo "--- ${ns##*/}"
			tail -n 20 "$ns"
		done
	} 2>&1 | sed 's/^/# /' >&2
}

# --- mtuscope --------------------------------------------------------------

# start_mtuscope NS ARG...: starts it with --json and waits until it is attached.  Sets
# MTUSCOPE_PID, MTUSCOPE_RECORDS (file), MTUSCOPE_ERRORS (file).
start_mtuscope()
{
	spawn_mtuscope "$@"
	mtuscope_attaches
}

# spawn_mtuscope NS ARG...: the same without waiting, which mtuscope_attaches does.
spawn_mtuscope()
{
	local ns=$1 n=${#lab_pids[@]}

	shift
	MTUSCOPE_RECORDS=$(lab_file "mtuscope-$n.json")
	MTUSCOPE_ERRORS=$(lab_file "mtuscope-$n.err")
	lab_spawn "$ns" "$MTUSCOPE_RECORDS" "$MTUSCOPE_ERRORS" "$LAB_MTUSCOPE" "$@" --json
	MTUSCOPE_PID=$LAB_PID
}

mtuscope_attaches()
{
	# Up to four start at once where parts run side by side, on one emulated CPU.
	wait_record "$MTUSCOPE_RECORDS" "${LAB_START_WAIT:-120}" \
		'.mtuscope.status.state | IN("ready", "degraded")' && return
	note "mtuscope did not start; its stderr:"$'\n'"$(tail -n 20 "$MTUSCOPE_ERRORS")"
	return 1
}

# start_both [RELAY_OPTIONS [GATEWAY_OPTIONS]]: mtuscope on the relay and on the gateway, with options as in a command line.
# Sets RELAY_PID, RELAY_RECORDS and as start_mtuscope for the gateway.
start_both()
{
	# shellcheck disable=SC2086 # words
	spawn_mtuscope "$LAB_RELAY" ${1-}
	# shellcheck disable=SC2034 # for the scenario
	RELAY_PID=$MTUSCOPE_PID RELAY_RECORDS=$MTUSCOPE_RECORDS
	# shellcheck disable=SC2086 # words
	start_mtuscope "$LAB_GW" ${2-} && MTUSCOPE_RECORDS=$RELAY_RECORDS mtuscope_attaches
}

# stop_mtuscope [PID]: ends it as Ctrl-C does; its exit status is MTUSCOPE_STATUS.
stop_mtuscope()
{
	local pid=${1:-$MTUSCOPE_PID}

	kill -INT "$pid" 2>/dev/null
	# The kernel takes a fentry hook away only when all its tasks have been scheduled meanwhile (synchronize_rcu_tasks): 0.1 s
	# at least, for 13 hooks one after the other, and mtuscope has no say in it. 2.3 s for one mtuscope in a machine that is
	# emulated, 5 s where four end at once, for they wait for each other; several times that where the host is busy.
	if ! lab_gone_within 600 "$pid"; then
		note "mtuscope does not end on SIGINT"
		kill -9 "$pid"
	fi
	# shellcheck disable=SC2034 # for the scenario
	MTUSCOPE_STATUS=0
	# shellcheck disable=SC2034
	wait "$pid" || MTUSCOPE_STATUS=$?
}

# jq, of which a scenario starts a hundred: gojq(1) starts in a fifth of the time.
jq()
{
	gojq "$@"
}

# lab_filter_is_sound STATUS JQ_FILTER: of a jq that has ended so.
lab_filter_is_sound()
{
	(($1 != 3)) || bail_out "bad jq filter '$2': $(head -n 1 "$LAB_DIR/jq.err")"
}

# lab_find_record FILE JQ_FILTER: true when a record passes; the first is LAB_RECORD.
lab_find_record()
{
	local status=0

	# The last line may still be half written.
	LAB_RECORD=$(jq -Rc "fromjson? | select($2)" "$1" 2>"$LAB_DIR/jq.err") || status=$?
	lab_filter_is_sound "$status" "$2"
	LAB_RECORD=${LAB_RECORD%%$'\n'*}
	[[ -n $LAB_RECORD ]]
}

# wait_record FILE SECONDS JQ_FILTER: likewise, as soon as there is one. One jq reads on: to start it again and again would
# keep an emulated machine busy.
wait_record()
{
	local status=0 lines tail found jq

	LAB_RECORD=
	exec {lines}< <(exec tail -s 0.1 -n +1 -F "$1" 2>/dev/null)
	tail=$!
	exec {found}< <(exec gojq -nRc "inputs | (fromjson | select($3))?" <&"$lines" 2>"$LAB_DIR/jq.err")
	jq=$!
	read -r -t "$2" -u "$found" LAB_RECORD
	exec {lines}<&-
	exec {found}<&-
	kill "$tail" # which ends the other
	wait "$jq" || status=$?
	lab_filter_is_sound "$status" "$3"
	[[ -n $LAB_RECORD ]] || note "waited ${2}s in vain for a record with $3"
	[[ -n $LAB_RECORD ]]
}

# assert_record FILE JQ_FILTER DESCRIPTION: one test; some record passes the filter.
assert_record()
{
	if lab_find_record "$1" "$2"; then
		ok "$3"
	else
		not_ok "$3"
		note "no record with $2 in ${1##*/}; the last ones:"$'\n'"$(tail -n 5 "$1")"
	fi
}

# refute_record FILE JQ_FILTER DESCRIPTION: one test; no record passes, and there are records.
refute_record()
{
	if [[ ! -s $1 ]]; then
		not_ok "$3"
		note "${1##*/} has no records at all"
	elif lab_find_record "$1" "$2"; then
		not_ok "$3"
		note "$LAB_RECORD"
	else
		ok "$3"
	fi
}

# assert_json FILE DESCRIPTION: one test; every line is one JSON object.
assert_json()
{
	local bad

	bad=$(jq -Rr 'select((fromjson? | type) != "object")' "$1")
	is "$bad" "" "$2"
}

# --- TLS -------------------------------------------------------------------

lab_listens()
{
	[[ -n $(in_ns "$1" ss -Htln "sport = :$2") ]]
}

# tls_server NS PORT: openssl with a chain of 4096-bit certificates, which no small packet holds.
tls_server()
{
	if [[ ! -s $LAB_CHAIN/chain.pem ]]; then
		LAB_CHAIN=$LAB_DIR/chain
		"$LAB_REPO/tests/lab/make-chain" "$LAB_CHAIN" || bail_out "cannot make certificates"
	fi
	lab_spawn "$1" "$(lab_file tls-server.out)" "$(lab_file tls-server.err)" \
		openssl s_server -quiet -accept "$2" -key "$LAB_CHAIN/key.pem" \
		-cert "$LAB_CHAIN/chain.pem" -cert_chain "$LAB_CHAIN/chain.pem"
	wait_for 20 "the TLS server" lab_listens "$1" "$2"
}

# tls_client NS ADDRESS PORT [SECONDS]: prints complete, stalled, or failed.
tls_client()
{
	local status=0

	in_ns "$1" timeout "${4:-10}" openssl s_client -brief -connect "$2:$3" \
		-CAfile "$LAB_CHAIN/root.pem" -verify_return_error \
		</dev/null >"$(lab_file tls-client.out)" 2>"$(lab_file tls-client.err)" || status=$?
	case $status in
	0) echo complete ;;
	124) echo stalled ;;
	*) echo failed ;;
	esac
}

if [[ -n ${MTUSCOPE_OUT:-} ]]; then
	LAB_DIR=$MTUSCOPE_OUT/$LAB_NAME
	mkdir -p "$LAB_DIR" || bail_out "cannot write in $MTUSCOPE_OUT"
else
	LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/mtuscope-lab.XXXXXX")
fi
trap lab_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
