#!/bin/bash
# tidy.sh JOBS: clang-tidy over the pure rooms' sources. A file that passed with these very contents (its own,
# the pure rooms' headers', .clang-tidy's) is not read again. After TIDELINE_TIDY_SECONDS no further file is begun;
# those left over are named, and are no failure.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
jobs=$1
seconds=${TIDELINE_TIDY_SECONDS:-240}
stamps=${XDG_CACHE_HOME:-$HOME/.cache}/tideline-tidy
mkdir -p "$stamps"

mapfile -t lists < <(git ls-files -- '*/CMakeLists.txt' | xargs grep -lE 'add_room\([^)]*[[:space:]]PURE\b')
rooms=("${lists[@]%/CMakeLists.txt}")
base=$( (cat .clang-tidy; for room in "${rooms[@]}"; do cat "$room"/*.h; done) 2>/dev/null | sha256sum)
queue=()
for room in "${rooms[@]}"; do
  for file in "$room"/*.cpp; do
    [[ -e $file ]] || continue
    stamp=$stamps/$( (echo "$base $file"; cat "$file") | sha256sum | cut -c1-40)
    [[ -e $stamp ]] || queue+=("$file" "$stamp")
  done
done
((${#queue[@]})) || { echo "clang-tidy: nothing changed in ${#rooms[@]} pure rooms"; exit 0; }

end=$(($(date +%s) + seconds))
export end
# shellcheck disable=SC2016
printf '%s\0' "${queue[@]}" | xargs -0 -n 2 -P "$jobs" bash -c '
  if (($(date +%s) >= end)); then echo "clang-tidy: not checked within its time: $0"; exit 0; fi
  if report=$(clang-tidy --quiet --extra-arg=-Wno-unknown-warning-option "$0" -- -std=c++20 "-I$PWD" -DFMT_SHARED "-DTIDELINE_VERSION=\"0\"" 2>&1); then touch "$1"; else echo "$0"; echo "$report"; exit 1; fi'
echo "clang-tidy: $((${#queue[@]} / 2)) files of ${#rooms[@]} pure rooms"
