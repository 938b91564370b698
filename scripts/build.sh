#!/usr/bin/env bash
# Builds a preset of CMakePresets.json into build/<preset>/, installing what is missing.
#
#   scripts/build.sh [preset]     default: release; others: debug, asan+ubsan, tsan
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-release}
if [[ $# -gt 1 || "$preset" == -* ]]; then
  echo "usage: scripts/build.sh [preset]" >&2
  exit 2
fi

scripts/install_deps.sh
cmake --preset "$preset"
# As many jobs as cores, unless memory is short: a compiler takes up to 1.5 GB here.
jobs=$(nproc)
by_memory=$(awk '/^MemAvailable:/ {print int($2 / 1500000)}' /proc/meminfo)
if [[ "$by_memory" -lt "$jobs" ]]; then jobs=$((by_memory > 0 ? by_memory : 1)); fi
exec ninja -C "build/$preset" -j "$jobs"  # not cmake --build: a signal to it leaves ninja running
