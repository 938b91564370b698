#!/usr/bin/env bash
# Shows odb at work: one server, and producers and consumers in C++ and Python that see each other's
# objects as they are made. Ends by itself, or on Ctrl-C, and leaves no process behind.
#
#   scripts/demo.sh [--seconds N]     default: 10
set -euo pipefail
cd "$(dirname "$0")/.."

bin=build/release/bin
python=/usr/bin/python3
producers=("$bin/example_01_producer" "$python examples/python/01_producer.py")
consumers=("$bin/example_02_consumer" "$python examples/python/02_consumer.py")

usage() {
  echo "usage: scripts/demo.sh [--seconds N]" >&2
  exit 2
}
seconds=10
case "$# ${1:-}" in
  "0 ") ;;
  "2 --seconds") seconds=$2 ;;
  *) usage ;;
esac
[[ "$seconds" =~ ^[1-9][0-9]{0,5}$ ]] || usage

work=$(mktemp -d)
processes=()

# Starts a program in a session of its own, so that Ctrl-C reaches this script alone and it can stop
# them in order; should the script be killed, the kernel ends them.
start() { setsid setpriv --pdeathsig TERM -- "$@" & }

# shellcheck disable=SC2317  # called by the trap
stop_all() {
  local pid
  # The clients first: none should complain that its server is gone.
  for ((i = ${#processes[@]} - 1; i >= 0; --i)); do
    pid=${processes[i]}
    kill -TERM -- "-$pid" 2>/dev/null || continue
    for _ in {1..50}; do
      kill -0 -- "-$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
  done
  processes=()
  rm -rf "$work"
}
trap stop_all EXIT
trap 'echo "interrupted"; exit 130' INT
trap 'exit 143' TERM HUP

echo "building ..."
start scripts/build.sh release >"$work/build.log" 2>&1
processes+=($!)
if ! wait $!; then
  cat "$work/build.log" >&2
  exit 1
fi
processes=()

ODB_SERVICE_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export ODB_SERVICE_TOKEN PYTHONUNBUFFERED=1 PYTHONPATH="$PWD/build/release/python"
start "$bin/odb_server" --inmem localhost 0 --log-level warn >"$work/listening"
processes+=($!)
for _ in {1..200}; do
  [[ -s "$work/listening" ]] && break
  kill -0 "${processes[0]}" 2>/dev/null || break
  sleep 0.1
done
if ! IFS= read -r line <"$work/listening"; then
  echo "the server did not start" >&2
  exit 1
fi
echo "$line"
port=${line##*:}

for program in "${consumers[@]}" "${producers[@]}"; do
  # shellcheck disable=SC2086  # a program with its arguments
  start $program --host localhost --port "$port" --token "$ODB_SERVICE_TOKEN" --seconds "$seconds"
  processes+=($!)
done

failed=0
start sleep "$seconds"
timer=$!
processes+=("$timer")
while true; do
  status=0
  wait -n -p ended "${processes[@]}" || status=$?
  [[ "${ended:-$timer}" == "$timer" ]] && break
  if [[ "$status" -ne 0 ]]; then
    echo "a program failed with status $status" >&2
    failed=1
    break
  fi
  # Ended by itself a moment before the timer.
  remaining=()
  for pid in "${processes[@]}"; do
    if [[ "$pid" != "$ended" ]]; then remaining+=("$pid"); fi
  done
  processes=("${remaining[@]}")
done
exit "$failed"
