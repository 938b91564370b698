#!/usr/bin/env bash
# Fails when a source includes what its layer must not know: the rules are allowed(), below.
#
#   scripts/check_includes.sh [ROOT]     default: this repository
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

# Rules are extended regular expressions over what stands between the quotes or angle brackets.
std='[a-z0-9_]+'
boost_pure='boost/(describe|icl|unordered|mp11|endian|container|container_hash|config)(/.*|\.hpp)'
boost='boost/.*'
posix='((sys|netinet|arpa|linux)/)?[a-z0-9_]+\.h'
core='odb/core/.*|odb/version\.h'
wire='odb/wire/.*'
net='odb/net/.*'
server='odb/server/.*'
client='odb/client/.*|odb/odb\.h'
tool='odb/tool/.*'
own='[a-z0-9_]+\.h' # a neighbour in the same folder

# What a file may include, by its path; nothing for files without a rule.
allowed() {
  case "$1" in
    core/include/odb/core/* | core/include/odb/version.h) echo "$std|$boost_pure|$core" ;;
    core/src/core/*) echo "$std|$boost_pure|$core|core/$own|$own" ;;
    core/include/odb/wire/*) echo "$std|$boost_pure|$core|$wire" ;;
    core/src/wire/*)
      echo "$std|$boost_pure|$core|$wire|wire/$own|$own|(capnp|kj)/.*|schemas/.*\.capnp\.h"
      ;;
    core/include/odb/net/*) echo "$std|$boost|$posix|$core|$wire|$net" ;;
    core/src/net/*) echo "$std|$boost|$posix|$core|$wire|$net|net/$own|openssl/.*" ;;
    server/src/main* | server/src/cli*)
      echo "$std|$posix|$own|metrics/$own|$core|$wire|$net|$server|odb/tool/dump_reader\.h|spdlog/.*|CLI/.*"
      ;;
    server/include/*) echo "$std|$boost|$core|$wire|$net|$server" ;;
    server/src/metrics/*) echo "$std|$boost|$posix|$own|$core|$net|$server|prometheus/.*" ;;
    server/src/redis/hiredis_link.cpp) echo "$std|$posix|$own|hiredis/.*" ;;
    server/src/embedded/tables.cpp | server/src/embedded/mark_file.cpp)
      echo "$std|$own|spdlog/.*|rocksdb/.*"
      ;;
    server/src/*) echo "$std|$boost|$posix|$own|$core|$wire|$net|$server|spdlog/.*" ;;
    client/include/odb/client/asio.h) echo "$std|boost/asio/.*|boost/asio\.hpp|$core|$client" ;;
    client/include/*) echo "$std|$boost_pure|$core|$client" ;;
    client/src/*) echo "$std|$boost|$posix|$own|$core|$wire|$net|$client" ;;
    tool/src/main.cpp | tool/src/command* | tool/src/place.cpp)
      echo "$std|boost/json.*|$posix|$own|$core|$server|$client|$tool|spdlog/.*|CLI/.*"
      ;;
    tool/src/checksum.cpp) echo "$std|$core|$tool|openssl/.*" ;;
    tool/include/* | tool/src/*)
      echo "$std|boost/json.*|$posix|$own|$core|odb/net/random\.h|$server|$client|$tool"
      ;;
    # The server's header: the package offers servers inside the process.
    bindings/*)
      echo "$std|$boost_pure|$posix|$own|$core|$client|odb/server/(server|limits|store)\.h|(pybind11|datetime|Python).*"
      ;;
    examples/file_store.h) echo "$std|$posix|$core|odb/wire/records\.h|odb/server/store\.h" ;;
    examples/*) echo "$std|$posix|boost/(describe|asio)/.*|$own|$client|odb/server/server\.h" ;;
  esac
}

sources() {
  find core server client tool bindings examples -type f \
    \( -name '*.h' -o -name '*.hpp' -o -name '*.cpp' \) 2>/dev/null | LC_ALL=C sort
}

failed=0
count=0
while read -r file; do
  count=$((count + 1))
  rule=$(allowed "$file")
  if [[ -z "$rule" ]]; then
    echo "$file: belongs to no layer"
    failed=1
    continue
  fi
  while IFS=: read -r line directive; do
    included=$directive
    if [[ "$directive" =~ [\<\"]([^\>\"]*)[\>\"] ]]; then included=${BASH_REMATCH[1]}; fi
    if [[ ! "$included" =~ ^($rule)$ ]]; then
      echo "$file:$line: must not include $included"
      failed=1
    fi
  done < <(grep -nE '^[[:space:]]*#[[:space:]]*(include|import)\b' "$file" || true)
done < <(sources)

if [[ "$count" -eq 0 ]]; then
  echo "no sources in $PWD"
  exit 1
fi
[[ "$failed" -eq 0 ]] && echo "include rule: $count files keep it"
exit "$failed"
