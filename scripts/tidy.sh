#!/usr/bin/env bash
# Runs clang-tidy on the sources changed since a commit, with the checks of .clang-tidy.
#
#   scripts/tidy.sh [BASE]     default: origin/main, or the previous commit when that is this one
#   scripts/tidy.sh --all      all sources
#
# Needs build/release/compile_commands.json (scripts/build.sh). At most ODB_TIDY_FILES_MAX sources,
# 80 by default: each takes about ten seconds.
set -euo pipefail
cd "$(dirname "$0")/.."

files_max=${ODB_TIDY_FILES_MAX:-80}
database=build/release/compile_commands.json
if [[ ! -f "$database" ]]; then
  echo "$database is missing: run scripts/build.sh first" >&2
  exit 1
fi

is_commit() { git rev-parse --quiet --verify "$1^{commit}" >/dev/null; }

base=${1:-}
if [[ -z "$base" ]]; then
  base=--all
  for candidate in origin/main HEAD~1; do
    if is_commit "$candidate" && [[ $(git rev-parse "$candidate") != $(git rev-parse HEAD) ]]; then
      base=$candidate
      break
    fi
  done
elif [[ "$base" != --all ]] && ! is_commit "$base"; then
  echo "no such commit: $base" >&2
  exit 2
fi

changed() {
  if [[ "$base" == --all ]]; then
    git ls-files -- '*.cpp'
  else
    git diff --name-only --diff-filter=d "$(git merge-base "$base" HEAD)" -- '*.cpp'
  fi
  git ls-files --others --exclude-standard -- '*.cpp'
}

# Only what the release build compiles: other sources have no flags to be read with.
mapfile -t files < <(changed | sort -u | while read -r file; do
  if [[ -f "$file" ]] && grep -qF "\"file\": \"$PWD/$file\"" "$database"; then echo "$file"; fi
done)
echo "clang-tidy: ${#files[@]} sources changed since $base"
[[ ${#files[@]} -gt 0 ]] || exit 0
if [[ ${#files[@]} -gt "$files_max" ]]; then
  echo "clang-tidy: only the first $files_max are checked; not ${files[*]:files_max}"
  files=("${files[@]:0:files_max}")
fi
printf '%s\0' "${files[@]}" |
  xargs -0 -P "$(nproc)" -n 1 clang-tidy -p build/release --quiet \
    --extra-arg=-Wno-unknown-warning-option
