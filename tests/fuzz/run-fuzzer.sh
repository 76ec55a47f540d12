#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# run-fuzzer.sh PROGRAM FOUND SEEDS: lets libFuzzer try for FUZZ_SECONDS (5 by default). New inputs
# go to FOUND, and what made the program fail stays there too, as the log says.

set -eu
mkdir -p "$2"
exec "$1" -max_total_time="${FUZZ_SECONDS:-5}" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$2/" "$2" "$3"
