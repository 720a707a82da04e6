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

# Of what CMake and Ninja say: a line each five percent, on a terminal one that is written anew each percent.
progress() {
  local begin='  ' end=$'\n' step=5 shown=-1 line percent told=
  if [[ -t 1 ]]; then
    begin=$'\r\e[K  ' end='' step=1
  fi
  while IFS= read -r line; do
    if [[ $line == '-- Configuring done'* ]]; then
      told=1
      printf '%sconfigured%s' "$begin" "$end"
    elif [[ $line =~ ^\[([0-9]+)/([1-9][0-9]*)\] ]]; then
      percent=$((100 * BASH_REMATCH[1] / BASH_REMATCH[2]))
      ((percent / step > shown)) || continue
      shown=$((percent / step)) told=1
      printf '%sbuilt %d %%: %d of %d%s' "$begin" "$percent" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "$end"
    fi
  done
  [[ $end || -z $told ]] || printf '\n'
}

if [[ -z $programs ]] && ! $show_help; then
  "$root/deploy/setup/install.sh" --demo
  mkdir -p "$root/build"
  log=$root/build/demo-build.log
  echo "Building Tideline (release); log: $log"
  (cd "$root" && cmake --preset release && NINJA_STATUS='[%f/%t] ' cmake --build --preset release \
    --target tideline-coordinator tideline-node tidectl tideline-loadgen) 2>&1 | tee "$log" | progress ||
    { tail -n 30 "$log" >&2; exit 1; }
fi
export PYTHONPATH=$root/deploy/demo PYTHONDONTWRITEBYTECODE=1
exec python3 -m tideline_demo --bin "${programs:-$root/build/release/bin}" --output "$output" "$@"
