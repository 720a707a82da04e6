#!/bin/bash
# long.sh [--minutes N] [--fuzz-minutes N] [--fleet-hours N] [--fleet-nodes N] [--rounds N] [--preset release|asan]
#         [--list] [--help]
# First all tests in the cgroup v2 guest (test/vm), where VMLINUZ or a prebuilt kernel is there. Then every fuzz target
# (test/fuzz) under libFuzzer with ASan and UBSan, one on each CPU. Then a day of a fleet under faults, in virtual time
# (test/sim). Then the long campaigns: the build's own test programs with more rounds, and fresh seeds, until the time
# is up.
#   --minutes N       begin no campaign after this time (default 60)
#   --fuzz-minutes N  time of each fuzz target (default 10; 0: none is built or run)
#   --fleet-hours N   simulated time of the fleet (default 24; 0: there is none)
#   --fleet-nodes N   its nodes (default 1000)
#   --rounds N        TIDELINE_ROUNDS for each run of a program (default 200)
#   --preset P        build to use for campaigns (default release)
#   --list            print campaigns and fuzz targets, and end
# A program reads TIDELINE_ROUNDS and TIDELINE_SEED, the fleet's TIDELINE_NODES and TIDELINE_HOURS too; it prints its
# seed when it fails. What a fuzz target learnt is kept in build/fuzz-corpus for the next time; an input that it fails on
# is named, and is in build/fuzz-crashes.
set -uo pipefail
root=$(dirname "$(dirname "$(readlink -f "$0")")")
cd "$root" || exit 1

minutes=60
fuzz_minutes=10
fleet_hours=24
fleet_nodes=1000
rounds=200
preset=release
list=false
while (($#)); do
  case $1 in
    --minutes) minutes=${2:?--minutes needs a number}; shift ;;
    --fuzz-minutes) fuzz_minutes=${2:?--fuzz-minutes needs a number}; shift ;;
    --fleet-hours) fleet_hours=${2:?--fleet-hours needs a number}; shift ;;
    --fleet-nodes) fleet_nodes=${2:?--fleet-nodes needs a number}; shift ;;
    --rounds) rounds=${2:?--rounds needs a number}; shift ;;
    --preset) preset=${2:?--preset needs a name}; shift ;;
    --list) list=true ;;
    --help) sed -n '2,19s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "long.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
  esac
  shift
done

# Every test program whose sources ask for rounds takes part, but for the fleet's, which has a part of its own: nothing is
# listed twice. Prints "name<TAB>command line", with the environment ctest would give it; not ctest itself, whose time
# limits are for the usual number of rounds.
campaigns() {
  local folders
  folders=$(grep -rlE 'rounds\(|each_seed\(|TIDELINE_[A-Z_]*ROUNDS' test --include='*_test.cpp' | xargs -r -n1 dirname | sort -u)
  ctest --test-dir "build/$preset" --show-only=json-v1 2>/dev/null | FOLDERS=$folders python3 -c '
import json, os, re, shlex, sys
programs = ["test_" + re.sub("[/-]", "_", folder.removeprefix("test/")) for folder in os.environ["FOLDERS"].split()]
for test in json.load(sys.stdin)["tests"]:
    name = test["name"]
    if name == "test_sim_campaign":
        continue
    if not (name == "demo_quick" or any(name == p or name.startswith(p + "_") for p in programs)):
        continue
    environment = next((p["value"] for p in test["properties"] if p["name"] == "ENVIRONMENT"), [])
    print(name, shlex.join(["env", *filter(None, environment), *test.get("command", ["false"])]), sep="\t")'
}

build() {
  cmake --preset "$1" >"build/$1.configure.log" 2>&1 || { cat "build/$1.configure.log" >&2; return 1; }
  cmake --build --preset "$1"
}

fuzz_targets() {
  sed -n 's/^add_fuzz_target(\([a-z_]*\).*/\1/p' test/fuzz/CMakeLists.txt
}

# One target, from its driver's sound inputs and what was learnt before. A failure is a line of build/fuzz-failures.
fuzz_one() {
  local name=$1 program=build/fuzz/bin/fuzz_$1 log=build/fuzz-$1.log
  local corpus=build/fuzz-corpus/$1 crashes=build/fuzz-crashes/$1 code executed input why
  mkdir -p "$corpus" "$crashes"
  "build/$preset/bin/test_fuzz_$name" --corpus "$corpus" >"$log" 2>&1 &&
    UBSAN_OPTIONS=print_stacktrace=1 "$program" -max_total_time=$((fuzz_minutes * 60)) -max_len=65536 -timeout=30 \
      -rss_limit_mb=2048 -malloc_limit_mb=256 -print_final_stats=1 -artifact_prefix="$crashes/" "$corpus" \
      >"$log" 2>&1 </dev/null
  code=$?
  executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  if ((code == 0 && ${executed:-0} > 0)); then
    echo "fuzz $name: ok, $executed executions, $(find "$corpus" -type f | wc -l) inputs in $corpus"
    return 0
  fi
  input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
  why="fuzz $name (exit $code, ${executed:-no} executions, $log)"
  [[ -z $input ]] || why+="; again: $program $input"
  echo "$why" >>build/fuzz-failures
  tail -n 40 "$log" >&2
  echo "$why: FAILED" >&2
  return 1
}

fuzz_all() {
  : >build/fuzz-failures
  export preset fuzz_minutes
  export -f fuzz_one
  fuzz_targets | xargs -P "$(nproc)" -I '{}' bash -c 'fuzz_one {}' && return 0
  [[ -s build/fuzz-failures ]] || echo "fuzz targets: not all were run" >build/fuzz-failures
  mapfile -t -O "${#failed[@]}" failed <build/fuzz-failures
}

# What it tells each simulated hour is shown as it comes.
fleet_day() {
  local seed=$((RANDOM * 32768 + RANDOM + 1)) log=build/long-fleet.log code
  local again="TIDELINE_SEED=$seed TIDELINE_NODES=$fleet_nodes TIDELINE_HOURS=$fleet_hours TIDELINE_ROUNDS=1"
  again+=" build/$preset/bin/test_sim_campaign --gtest_filter='FleetCampaign.No*'"
  echo "fleet of $fleet_nodes nodes, $fleet_hours h: $again"
  bash -c "$again" 2>&1 </dev/null | tee "$log"
  code=${PIPESTATUS[0]}
  ((code == 0)) && return 0
  failed+=("fleet of $fleet_nodes nodes (exit $code, $log); again: $again")
  echo "fleet: FAILED (exit $code), log: $log" >&2
}

if ! $list; then
  option=()
  ((fuzz_minutes == 0)) || option=(--long)
  deploy/setup/install.sh "${option[@]}" || exit 1
  mkdir -p build
  build "$preset" || exit 1
  ((fuzz_minutes == 0)) || build fuzz || exit 1
fi
[[ -e build/$preset/CTestTestfile.cmake ]] || { echo "long.sh: build/$preset is not configured" >&2; exit 1; }
mapfile -t entries < <(campaigns)
if $list; then
  printf '%s\n' "${entries[@]%%$'\t'*}"
  fuzz_targets | sed 's/^/fuzz_/'
  exit 0
fi

failed=()
source test/tools/realenv.sh
export_realenv build/realenv
ctest --test-dir "build/$preset" --label-regex '^guest' --output-on-failure || failed+=("guest tests")
((fuzz_minutes == 0)) || fuzz_all
((fleet_hours == 0)) || fleet_day
end=$((SECONDS + minutes * 60))
turn=0
export TIDELINE_ROUNDS=$rounds TIDELINE_KILL_ROUNDS=$rounds TIDELINE_SEED
while ((SECONDS < end)); do
  for entry in "${entries[@]}"; do
    ((SECONDS < end)) || break
    name=${entry%%$'\t'*}
    TIDELINE_SEED=$((turn * 100000 + RANDOM))
    log=build/long-$name-$TIDELINE_SEED.log
    bash -c "${entry#*$'\t'}" >"$log" 2>&1 </dev/null
    code=$?
    if ((code == 0)); then
      echo "turn $turn $name: ok (seed $TIDELINE_SEED)"
      rm "$log"
    else
      failed+=("$name (exit $code, seed $TIDELINE_SEED, $log)")
      echo "turn $turn $name: FAILED (exit $code, seed $TIDELINE_SEED), log: $log" >&2
      tail -n 30 "$log" >&2
    fi
  done
  turn=$((turn + 1))
done
if ((${#failed[@]})); then
  printf 'long.sh: failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
echo "long.sh: $turn turn(s) of ${#entries[@]} campaigns, nothing failed"
