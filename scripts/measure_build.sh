#!/usr/bin/env bash
# Measures how long builds take: release without tests from nothing, and again after a change of one source of the
# server. On two processors, without ccache, in a folder that is gone afterwards.
#
#   scripts/measure_build.sh [SOURCE]     default: server/src/session.cpp
set -euo pipefail
cd "$(dirname "$0")/.."

source=${1:-server/src/session.cpp}
if [[ $# -gt 1 || ! -f "$source" ]]; then
  echo "usage: scripts/measure_build.sh [SOURCE]" >&2
  exit 2
fi

scripts/install_deps.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export CCACHE_DISABLE=1

# Prints how many seconds a command took; its output only when it fails.
seconds() {
  local begin=$EPOCHREALTIME
  if ! "$@" >"$folder/log" 2>&1; then
    tail -n 50 "$folder/log" >&2
    return 1
  fi
  awk -v begin="$begin" -v end="$EPOCHREALTIME" 'BEGIN {printf "%.1f", end - begin}'
}
report() {
  awk -v what="$1" -v took="$2" -v goal="$3" \
    'BEGIN {printf "%-50s %7.1f s   goal: below %d s   %s\n", what, took, goal, took < goal ? "yes" : "NO"}'
}
build() { taskset -c "$processors" ninja -C "$folder/build" -j 2; }

# The first two processors that this process may use.
processors=$(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' |
  awk -F- '{for (i = $1; i <= ($2 == "" ? $1 : $2); i++) print i}' | head -n 2 | paste -sd,)

configure=(cmake --preset release -B "$folder/build" -DODB_BUILD_TESTS=OFF -DODB_BUILD_BENCH=OFF)
configured=$(seconds "${configure[@]}")
built=$(seconds build)
report "release without tests, from nothing" "$(awk "BEGIN {print $configured + $built}")" 240
touch "$source"
again=$(seconds build)
report "after a change of $source" "$again" 15
