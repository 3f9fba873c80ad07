# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# TAP for the lab's scenarios, as prove(1) reads it: tests on stdout, talk on
# stderr.  A skip is shown as one, and is a failure where LAB_NO_SKIP is set.
# Sourced by lib.sh.
#
# shellcheck disable=SC2034 # lab_done is for lib.sh

lab_tests=0
lab_failed=0
lab_planned=
# What keeps an exit on the way from passing for the end; lib.sh asks.
lab_done=

# note TEXT: for people; prove shows it, nobody parses it.
note()
{
	printf '%s\n' "$*" | sed 's/^/# /' >&2
}

# plan COUNT: optional; without it done_testing writes the plan.
plan()
{
	lab_planned=$1
	echo "1..$1"
}

ok()
{
	lab_tests=$((lab_tests + 1))
	printf 'ok %d - %s\n' "$lab_tests" "$*"
}

not_ok()
{
	lab_tests=$((lab_tests + 1))
	lab_failed=$((lab_failed + 1))
	printf 'not ok %d - %s\n' "$lab_tests" "$*"
	# The first failure has the state worth seeing.
	((lab_failed > 1)) || lab_diagnose
}

# skip DESCRIPTION REASON: shown as skipped; a failure where LAB_NO_SKIP is set.
skip()
{
	if [[ -n ${LAB_NO_SKIP:-} ]]; then
		not_ok "$1 (skipped, which LAB_NO_SKIP forbids: $2)"
		return
	fi
	lab_tests=$((lab_tests + 1))
	printf 'ok %d - %s # SKIP %s\n' "$lab_tests" "$1" "$2"
}

# skip_all REASON: ends the scenario before its first test.
skip_all()
{
	if [[ -n ${LAB_NO_SKIP:-} ]]; then bail_out "skipped, which LAB_NO_SKIP forbids: $*"; fi
	echo "1..0 # SKIP $*"
	lab_done=yes
	exit 0
}

bail_out()
{
	echo "Bail out! $*"
	lab_done=yes
	exit 1
}

# check DESCRIPTION COMMAND...: one test; it passes when the command succeeds.
check()
{
	local what=$1

	shift
	if "$@"; then ok "$what"; else not_ok "$what"; fi
}

# check_fails DESCRIPTION COMMAND...: one test; it passes when the command fails.
check_fails()
{
	local what=$1

	shift
	if "$@"; then not_ok "$what"; else ok "$what"; fi
}

# is GOT WANTED DESCRIPTION
is()
{
	if [[ $1 == "$2" ]]; then
		ok "$3"
	else
		# Before the state of the hosts, which is long.
		note "     got: $1"$'\n'"  wanted: $2"
		not_ok "$3"
	fi
}

done_testing()
{
	[[ -n $lab_planned ]] || echo "1..$lab_tests"
	lab_done=yes
	if [[ -n $lab_planned && $lab_planned != "$lab_tests" ]]; then
		note "planned $lab_planned tests but ran $lab_tests"
		exit 1
	fi
	exit $((lab_failed > 0))
}
