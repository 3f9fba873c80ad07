#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the verifier of this kernel counts in each program, against tests/bpf/verifier.record.
set -euo pipefail
cd "$(dirname "$0")/../../.."
modprobe -a wireguard nf_defrag_ipv6
CMOCKA_MESSAGE_OUTPUT=TAP exec build/tests/bpf/test_verifier
