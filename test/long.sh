#!/bin/bash
# long.sh [--minutes N] [--rounds N] [--preset release|asan] [--list] [--help]
# The long campaigns: the release's own test programs with more rounds, and fresh seeds, until the time is up.
#   --minutes N   time for all campaigns together (default 60)
#   --rounds N    TIDELINE_ROUNDS for each run of a program (default 200)
#   --preset P    build to use (default release)
#   --list        print the campaigns and end
# A program reads TIDELINE_ROUNDS and TIDELINE_SEED; it prints its seed when it fails.
set -uo pipefail
root=$(dirname "$(dirname "$(readlink -f "$0")")")
cd "$root" || exit 1

minutes=60
rounds=200
preset=release
list=false
while (($#)); do
  case $1 in
    --minutes) minutes=${2:?--minutes needs a number}; shift ;;
    --rounds) rounds=${2:?--rounds needs a number}; shift ;;
    --preset) preset=${2:?--preset needs a name}; shift ;;
    --list) list=true ;;
    --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "long.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
  esac
  shift
done

# Every test program whose sources ask for rounds takes part: nothing is listed twice.
campaigns() {
  local folder name
  grep -rlE 'TIDELINE_ROUNDS|rounds_or\(' test --include='*_test.cpp' | xargs -r -n1 dirname | sort -u |
    while read -r folder; do
      name=test_$(printf '%s' "${folder#test/}" | tr '/-' '__')
      ctest --test-dir "build/$preset" --show-only=json-v1 2>/dev/null | python3 -c '
import json, sys
for test in json.load(sys.stdin)["tests"]:
    name = test["name"]
    if (name == sys.argv[1] or name.startswith(sys.argv[1] + "_")) and "command" in test:
        print(name)' "$name"
    done | sort -u
  echo demo_quick
}

if ! $list; then
  deploy/setup/install.sh || exit 1
  mkdir -p build
  { cmake --preset "$preset" >"build/$preset.configure.log" 2>&1 && cmake --build --preset "$preset"; } || exit 1
fi
[[ -e build/$preset/CTestTestfile.cmake ]] || { echo "long.sh: build/$preset is not configured" >&2; exit 1; }
mapfile -t names < <(campaigns)
if $list; then
  printf '%s\n' "${names[@]}"
  exit 0
fi

end=$((SECONDS + minutes * 60))
failed=()
turn=0
while ((SECONDS < end)); do
  for name in "${names[@]}"; do
    ((SECONDS < end)) || break
    seed=$((turn * 1000 + RANDOM))
    log=build/long-$name.log
    if TIDELINE_ROUNDS=$rounds TIDELINE_SEED=$seed timeout "$((end - SECONDS + 600))" \
      ctest --test-dir "build/$preset" --tests-regex "^$name\$" --timeout 3600 --output-on-failure >"$log" 2>&1; then
      echo "turn $turn $name: ok (seed $seed)"
    else
      failed+=("$name (seed $seed)")
      echo "turn $turn $name: FAILED (seed $seed)" >&2
      cp "$log" "build/long-$name-$seed.log"
      tail -n 30 "$log" >&2
    fi
  done
  turn=$((turn + 1))
done
if ((${#failed[@]})); then
  printf 'long.sh: failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
echo "long.sh: $turn turn(s) of ${#names[@]} campaigns, nothing failed"
