#!/usr/bin/env bash
# Builds the C++ tests with sanitizers and runs them.
#
#   scripts/sanitize.sh asan+ubsan|tsan [NAME...]     only tests whose names contain one of these
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-}
if [[ "$preset" != asan+ubsan && "$preset" != tsan ]]; then
  echo "usage: scripts/sanitize.sh asan+ubsan|tsan [NAME...]" >&2
  exit 2
fi
shift
scripts/build.sh "$preset"

selection=()
if [[ $# -gt 0 ]]; then
  any=$(printf '|%s' "$@")
  selection=(-R "${any#|}")
fi
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS="suppressions=$PWD/tests/support/tsan.supp:second_deadlock_stack=1"
# GCC 12's TSan does not know the address layout that newer kernels randomize to.
fixed_addresses=()
if [[ "$preset" == tsan ]] && setarch "$(uname -m)" --addr-no-randomize true 2>/dev/null; then
  fixed_addresses=(setarch "$(uname -m)" --addr-no-randomize)
fi
"${fixed_addresses[@]}" ctest --test-dir "build/$preset" --output-on-failure -j "$(nproc)" \
  "${selection[@]}" </dev/null
