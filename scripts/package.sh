#!/usr/bin/env bash
# Builds release and makes Debian packages of it: build/packages/*.deb
#
#   scripts/package.sh [--no-build]     --no-build: of what build/release has
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ "${1:-}" != --no-build ]]; then
  if [[ $# -gt 0 ]]; then
    echo "usage: scripts/package.sh [--no-build]" >&2
    exit 2
  fi
  scripts/build.sh release
fi
rm -rf build/packages
mkdir -p build/packages
cpack --config "${ODB_BUILD_DIR:-build/release}/CPackConfig.cmake" -B build/packages
rm -rf build/packages/_CPack_Packages
ls -1 build/packages/*.deb
