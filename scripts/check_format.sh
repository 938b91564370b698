#!/usr/bin/env bash
# Fails when a C++ source is not formatted as .clang-format says.
#
#   scripts/check_format.sh [--fix]     --fix: formats instead
set -euo pipefail
cd "$(dirname "$0")/.."

mode=(--dry-run -Werror)
if [[ "${1:-}" == --fix ]]; then mode=(-i); fi
git ls-files -z --cached --others --exclude-standard -- '*.h' '*.cpp' |
  while IFS= read -r -d '' file; do [[ -f "$file" ]] && printf '%s\0' "$file"; done |
  xargs -0 -r -P "$(nproc)" -n 32 clang-format "${mode[@]}"
