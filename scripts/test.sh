#!/usr/bin/env bash
# Builds release and runs all tests: ctest for C++, pytest for the programs and the Python package.
#
#   scripts/test.sh [NAME...]     only tests whose names contain one of these
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh release

select_ctest=()
select_pytest=()
if [[ $# -gt 0 ]]; then
  any=$(printf '|%s' "$@")
  or=$(printf ' or %s' "$@")
  select_ctest=(-R "${any#|}")
  select_pytest=(-k "${or# or }")
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
ctest_status=0
ctest --test-dir build/release --output-on-failure -j "$(nproc)" "${select_ctest[@]}" </dev/null \
  2>&1 | tee "$log" || ctest_status=$?

suites=(tests/integration)
if [[ -d tests/python ]]; then suites+=(tests/python); fi
pytest_status=0
ODB_BUILD_DIR="$PWD/build/release" PYTHONPATH="$PWD/build/release/python" \
  /usr/bin/python3 -m pytest "${suites[@]}" "${select_pytest[@]}" </dev/null || pytest_status=$?
# 5: a selection that names only tests of the other runner.
if [[ $# -gt 0 && "$pytest_status" -eq 5 ]]; then pytest_status=0; fi

if [[ "$ctest_status" -ne 0 ]]; then
  echo
  sed -n '/tests passed/,$p' "$log"  # what failed is the last thing to read
  exit "$ctest_status"
fi
exit "$pytest_status"
