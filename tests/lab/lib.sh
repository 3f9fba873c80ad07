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
#   this file    waiting, processes, mtuscope and its records, TLS
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
	lab_kill "${lab_pids[@]}"
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
	while [[ -e /proc/$pid/stat && $(lab_process_state "$pid") != Z ]]; do
		((tenths-- > 0)) || return 1
		sleep 0.1
	done
}

lab_process_state()
{
	sed -E 's/.*\) (.).*/\1/' "/proc/$1/stat" 2>/dev/null
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
	end=$(($(now_ms) + seconds * 1000))
	until "$@"; do
		if (($(now_ms) >= end)); then
			note "waited ${seconds}s in vain for $what"
			return 1
		fi
		sleep 0.1
	done
}

# in_ns NS COMMAND...: in this network namespace.  Cheaper than "ip netns exec", which
# also mounts a /sys of its own; lab_spawn does that, as people do.
in_ns()
{
	local ns=$1

	shift
	nsenter --net="/run/netns/$ns" "$@"
}

# lab_spawn NS OUT ERR COMMAND...: starts it in the background; its pid is LAB_PID.
lab_spawn()
{
	local ns=$1 out=$2 err=$3

	shift 3
	# A shell's background process ignores SIGINT unless told otherwise.
	ip netns exec "$ns" env --default-signal=INT,QUIT "$@" </dev/null >"$out" 2>"$err" &
	LAB_PID=$!
	lab_pids+=("$LAB_PID")
}

# lab_file NAME: a path for something worth keeping.
lab_file()
{
	echo "$LAB_DIR/$1"
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
	local ns=$1 n=${#lab_pids[@]}

	shift
	MTUSCOPE_RECORDS=$(lab_file "mtuscope-$n.json")
	MTUSCOPE_ERRORS=$(lab_file "mtuscope-$n.err")
	lab_spawn "$ns" "$MTUSCOPE_RECORDS" "$MTUSCOPE_ERRORS" "$LAB_MTUSCOPE" "$@" --json
	MTUSCOPE_PID=$LAB_PID
	wait_record "$MTUSCOPE_RECORDS" "${LAB_START_WAIT:-60}" \
		'.mtuscope.status.state | IN("ready", "degraded")' && return
	note "mtuscope did not start; its stderr:"$'\n'"$(tail -n 20 "$MTUSCOPE_ERRORS")"
	return 1
}

# stop_mtuscope [PID]: ends it as Ctrl-C does; its exit status is MTUSCOPE_STATUS.
stop_mtuscope()
{
	local pid=${1:-$MTUSCOPE_PID}

	kill -INT "$pid" 2>/dev/null
	if ! lab_gone_within 100 "$pid"; then
		note "mtuscope does not end on SIGINT"
		kill -9 "$pid"
	fi
	# shellcheck disable=SC2034 # for the scenario
	MTUSCOPE_STATUS=0
	# shellcheck disable=SC2034
	wait "$pid" || MTUSCOPE_STATUS=$?
}

# lab_find_record FILE JQ_FILTER: true when a record passes; the first is LAB_RECORD.
lab_find_record()
{
	local status=0

	# The last line may still be half written.
	LAB_RECORD=$(jq -Rc "fromjson? | select($2)" "$1" 2>"$LAB_DIR/jq.err") || status=$?
	if ((status == 3)); then
		bail_out "bad jq filter '$2': $(head -n 1 "$LAB_DIR/jq.err")"
	fi
	LAB_RECORD=${LAB_RECORD%%$'\n'*}
	[[ -n $LAB_RECORD ]]
}

# wait_record FILE SECONDS JQ_FILTER
wait_record()
{
	wait_for "$2" "a record with $3" lab_find_record "$1" "$3"
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
