#!/usr/bin/env bash
# Installs what building and testing need, on Debian 12. Does nothing when all of it is there.
#
#   scripts/install_deps.sh [--checks]     --checks: also what only the checks of .ci/run and the plots of
#                                          odb_bench need
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache lld pkg-config git ca-certificates
  libboost1.81-dev libboost-json1.81-dev libssl-dev libcapnp-dev capnproto libspdlog-dev libcli11-dev libhiredis-dev
  libmimalloc-dev librocksdb-dev prometheus-cpp-dev
  libgtest-dev libgmock-dev libbenchmark-dev
  python3 python3-dev pybind11-dev python3-numpy python3-pytest mypy
  openssl procps util-linux redis-server
)
if [[ "${1:-}" == --checks ]]; then
  packages+=(clang clang-format clang-tidy libclang-rt-14-dev valgrind
    python3-matplotlib
    curl debootstrap dpkg-dev lintian)  # the packages
elif [[ $# -gt 0 ]]; then
  echo "usage: scripts/install_deps.sh [--checks]" >&2
  exit 2
fi

if ! command -v dpkg-query >/dev/null; then
  echo "scripts/install_deps.sh knows only Debian; elsewhere install by hand: ${packages[*]}" >&2
  exit 1
fi
missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ "$status" == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "please install as root: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "installing: ${missing[*]}"
"${as_root[@]}" apt-get update -q </dev/null
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -q --no-install-recommends "${missing[@]}" </dev/null
