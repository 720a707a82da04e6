#!/bin/bash
# demo.sh [--quick] [options]: installs what is missing, builds Tideline and shows on this host what it does for an
# online service beside batch work. --help lists the options. Ends without a process, cgroup or file left, apart from
# build/.
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "$0")")")
programs=
output=$root/build/demo
show_help=false
arguments=("$@")
for ((i = 0; i < ${#arguments[@]}; i++)); do
  case ${arguments[i]} in
    --bin) programs=${arguments[i + 1]:-} ;;
    --bin=*) programs=${arguments[i]#--bin=} ;;
    --output) output=${arguments[i + 1]:-} ;;
    --output=*) output=${arguments[i]#--output=} ;;
    -h | --help) show_help=true ;;
  esac
done

if [[ -z $programs ]] && ! $show_help; then
  "$root/deploy/setup/install.sh" --demo
  mkdir -p "$root/build"
  log=$root/build/demo-build.log
  echo "Building Tideline (release); log: $log"
  (cd "$root" && cmake --preset release >"$log" 2>&1 &&
    cmake --build --preset release --target tideline-coordinator tideline-node tidectl tideline-loadgen >>"$log" 2>&1) ||
    { tail -n 30 "$log" >&2; exit 1; }
fi
export PYTHONPATH=$root/deploy/demo PYTHONDONTWRITEBYTECODE=1
exec python3 -m tideline_demo --bin "${programs:-$root/build/release/bin}" --output "$output" "$@"
