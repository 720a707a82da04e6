#!/bin/bash
# long.sh [--only NAME[,NAME]...] [--minutes N] [--fuzz-minutes N] [--fleet-hours N] [--fleet-nodes N]
#         [--kubernetes-nodes N] [--memory-runs N] [--rounds N] [--partial] [--preset release|asan] [--list] [--help]
# What takes longer than test/run.sh should. First these parts, in this order:
#   kill9      kill -9 of the real coordinator under load, 20 times (test/e2e)
#   hostile    a thousand sessions while their coordinator is attacked; their acks' p99 within 250 ms (test/e2e)
#   fleet      a day of a fleet under faults, in virtual time (test/sim)
#   kubernetes a thousand nodes with thirty pods each at a real API server: its table is the outcome (test/bench), where
#              KUBE_APISERVER or a prebuilt one is there
#   memory     batch that takes memory as fast as it can beside a service, 20 times each with and without Tideline and with
#              earlyoom; the rungs of relief; a service's stalls beside files that are streamed (test/bench)
#   fuzz       every fuzz target under libFuzzer with ASan and UBSan, one on each CPU (test/fuzz)
#   guest      all tests in the cgroup v2 guest (test/vm), where VMLINUZ or a prebuilt kernel is there
#   demo       deploy/demo.sh --quick in a clean clone with an empty compiler cache, which builds all of it: the packages
#              that come are those of the list, and nothing is left (test/deploy/demo/newcomer.sh). Asked for alone,
#              nothing is installed or built before it, so that it says something on a fresh machine
# Then the campaigns: the build's own test programs with fresh seeds. In turn 0 each runs with its usual number of
# rounds, and from turn 1 on with --rounds and in random order, until the time is up. What ran and what did not is told
# at the end, and a campaign that was never begun is a failure.
#   --only NAME,...   these parts only; `campaigns` means all campaigns, and the name of a campaign or fuzz target that one
#   --minutes N       begin no campaign after this time (default 60; 0: there are none)
#   --fuzz-minutes N  time of each fuzz target (default 10; 0: none is built or run)
#   --fleet-hours N   simulated time of the fleet (default 24; 0: there is none)
#   --fleet-nodes N   its nodes (default 1000)
#   --kubernetes-nodes N  those of the part kubernetes (default 1000; 0: there is none)
#   --memory-runs N   rounds of the part memory's race (default 20; 0: there is none)
#   --rounds N        TIDELINE_ROUNDS for each run of a program from turn 1 on (default 200)
#   --partial         a campaign that was never begun is told, and is no failure
#   --preset P        build to use for all but fuzzing (default release)
#   --list            print parts, campaigns and fuzz targets, and end
# A program reads TIDELINE_ROUNDS and TIDELINE_SEED, the fleet's TIDELINE_NODES and TIDELINE_HOURS too; it prints its
# seed when it fails. What a fuzz target learnt is kept in build/fuzz-corpus for the next time; an input that it fails on
# is named, and is in build/fuzz-crashes.
set -uo pipefail
root=$(dirname "$(dirname "$(readlink -f "$0")")")
cd "$root" || exit 1

parts=(kill9 hostile fleet kubernetes memory fuzz guest demo)
declare -A only=()
minutes=60
fuzz_minutes=10
fleet_hours=24
fleet_nodes=1000
kubernetes_nodes=1000
memory_runs=20
rounds=200
partial=false
preset=release
list=false
while (($#)); do
  case $1 in
    --only)
      IFS=, read -ra named <<<"${2:?--only needs a name}"
      for name in "${named[@]}"; do
        only[$name]=1
      done
      shift
      ;;
    --minutes) minutes=${2:?--minutes needs a number}; shift ;;
    --fuzz-minutes) fuzz_minutes=${2:?--fuzz-minutes needs a number}; shift ;;
    --fleet-hours) fleet_hours=${2:?--fleet-hours needs a number}; shift ;;
    --fleet-nodes) fleet_nodes=${2:?--fleet-nodes needs a number}; shift ;;
    --kubernetes-nodes) kubernetes_nodes=${2:?--kubernetes-nodes needs a number}; shift ;;
    --memory-runs) memory_runs=${2:?--memory-runs needs a number}; shift ;;
    --rounds) rounds=${2:?--rounds needs a number}; shift ;;
    --partial) partial=true ;;
    --preset) preset=${2:?--preset needs a name}; shift ;;
    --list) list=true ;;
    --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "long.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
  esac
  shift
done

# A part, or `campaigns`: all of them.
wanted() {
  ((${#only[@]} == 0)) && return 0
  [[ -n ${only[$1]:-} ]]
}
part_wanted() {
  case $1 in
    fleet) ((fleet_hours > 0)) || return 1 ;;
    kubernetes) ((kubernetes_nodes > 0)) || return 1 ;;
    memory) ((memory_runs > 0)) || return 1 ;;
    fuzz)
      ((fuzz_minutes > 0)) && [[ -n $(wanted_fuzz_targets) ]]
      return
      ;;
  esac
  wanted "$1"
}

fuzz_targets() {
  sed -n 's/^add_fuzz_target(\([a-z_]*\).*/\1/p' test/fuzz/CMakeLists.txt
}
wanted_fuzz_targets() {
  local name
  for name in $(fuzz_targets); do
    ! wanted fuzz && [[ -z ${only[$name]:-} ]] || echo "$name"
  done
}

is_part() {
  [[ " ${parts[*]} campaigns " == *" $1 "* ]]
}
is_fuzz_target() {
  [[ " $(fuzz_targets | xargs) " == *" $1 "* ]]
}

# Before anything is built; which campaigns there are is known of the build only.
for name in "${!only[@]}"; do
  is_part "$name" || is_fuzz_target "$name" || [[ $name == test_* || $name == demo_* ]] ||
    { echo "long.sh: --only $name: no part, campaign or fuzz target; see --list" >&2; exit 2; }
done

# Every test program whose sources ask for rounds takes part, but for those that have a part of their own: nothing is
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
    if name in ("test_sim_campaign", "test_e2e_fleet", "test_e2e_hostile_peers"):
        continue
    if not (name == "demo_quick" or any(name == p or name.startswith(p + "_") for p in programs)):
        continue
    environment = next((p["value"] for p in test["properties"] if p["name"] == "ENVIRONMENT"), [])
    print(name, shlex.join(["env", *filter(None, environment), *test.get("command", ["false"])]), sep="\t")'
}

# Programs that the named parts and fuzz targets are, a line each; with what they start, as the build knows it. Nothing
# where something else was named, or nothing: that takes all of the build.
wanted_programs() {
  local name programs=()
  for name in "${!only[@]}"; do
    case $name in
      kill9) programs+=(test_e2e_fleet) ;;
      hostile) programs+=(test_e2e_hostile_peers) ;;
      fleet) programs+=(test_sim_campaign) ;;
      fuzz) mapfile -t -O "${#programs[@]}" programs < <(fuzz_targets | sed 's/^/test_fuzz_/') ;;
      *)
        is_fuzz_target "$name" || return
        programs+=("test_fuzz_$name")
        ;;
    esac
  done
  ((${#programs[@]} == 0)) || printf '%s\n' "${programs[@]}"
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  cmake --preset "$preset" -DTIDELINE_TESTS=all >"build/$preset.configure.log" 2>&1 ||
    { cat "build/$preset.configure.log" >&2; return 1; }
  cmake --build --preset "$preset" ${1:+--target "$@"}
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
  wanted_fuzz_targets | xargs -P "$(nproc)" -I '{}' bash -c 'fuzz_one {}' && return 0
  [[ -s build/fuzz-failures ]] || echo "fuzz targets: not all were run" >build/fuzz-failures
  mapfile -t -O "${#failed[@]}" failed <build/fuzz-failures
  return 1
}

# show NAME COMMAND: the command is told, and what it says is shown as it comes.
show() {
  local name=$1 again=$2 log=build/long-$1.log code
  echo "$name: $again"
  bash -c "$again" 2>&1 </dev/null | tee "$log"
  code=${PIPESTATUS[0]}
  ((code == 0)) && return 0
  failed+=("$name (exit $code, $log); again: $again")
  echo "$name: FAILED (exit $code), log: $log" >&2
  return 1
}

run_kill9() {
  show kill9 "$own TIDELINE_ROUNDS=20 $bin/test_e2e_fleet --gtest_filter='Fleet.KillNine*'"
}

run_hostile() {
  show hostile "$own TIDELINE_MOST_ACK_MS=250 $bin/test_e2e_hostile_peers"
}

run_fleet() {
  local seed=$((RANDOM * 32768 + RANDOM + 1))
  local again="TIDELINE_SEED=$seed TIDELINE_NODES=$fleet_nodes TIDELINE_HOURS=$fleet_hours TIDELINE_ROUNDS=1"
  show fleet "$again $bin/test_sim_campaign --gtest_filter='FleetCampaign.No*'"
}

run_kubernetes() {
  show kubernetes "TIDELINE_BIN=$bin KUBE_APISERVER=$KUBE_APISERVER test/bench/kubernetes_scale.py \
    --nodes $kubernetes_nodes --json build/long-kubernetes.json"
}

# Each is told, whatever becomes of the one before.
run_memory() {
  local ok=0
  show memory-race "TIDELINE_BIN=$bin test/bench/memory_race.py --rounds $memory_runs --json build/long-memory-race.json" || ok=1
  show memory-relief "TIDELINE_BIN=$bin test/bench/memory_relief.py --json build/long-memory-relief.json" || ok=1
  show memory-stalls "TIDELINE_BIN=$bin test/bench/memory_stalls.py --json build/long-memory-stalls.json" || ok=1
  return $ok
}

run_fuzz() {
  fuzz_all
}

run_guest() {
  ctest --test-dir "build/$preset" --label-regex '^guest' --output-on-failure --no-tests=error \
    --output-junit guest.xml && test/tools/none_skipped.py "build/$preset/guest.xml" guest && return 0
  failed+=("guest tests")
  return 1
}

run_demo() {
  show demo test/deploy/demo/newcomer.sh
}

# What is told at the end, a line each.
told=()
run_part() {
  local begin=$SECONDS
  if [[ $1 == guest && -z ${VMLINUZ:-} ]]; then
    told+=("$1: did not run, there is no kernel to boot (VMLINUZ)")
    # Who asks for it by name wants to know.
    [[ -z ${only[guest]:-} ]] || failed+=("guest: no VMLINUZ")
    return
  fi
  if [[ $1 == kubernetes && -z ${KUBE_APISERVER:-} ]]; then
    told+=("$1: did not run, there is no API server to start (KUBE_APISERVER)")
    [[ -z ${only[kubernetes]:-} ]] || failed+=("kubernetes: no KUBE_APISERVER")
    return
  fi
  if "run_$1"; then
    told+=("$1: ok, $((SECONDS - begin)) s")
  else
    told+=("$1: FAILED after $((SECONDS - begin)) s")
  fi
}

# One run of a campaign, with the rounds that TIDELINE_ROUNDS says.
run_campaign() {
  local name=$1 log code skips
  export TIDELINE_SEED=$((turn * 100000 + RANDOM))
  log=build/long-$name-$TIDELINE_SEED.log
  bash -c "${commands[$name]}" >"$log" 2>&1 </dev/null
  code=$?
  begun[$name]=1
  if ((code == 77)); then
    # All of it, as side_by_side.py says.
    echo "turn $turn $name: skipped"
    rm "$log"
    return
  fi
  runs[$name]=$((${runs[$name]:-0} + 1))
  ((turn == 0)) || full[$name]=$((${full[$name]:-0} + 1))
  if ((code == 0)); then
    skips=$(grep -c '^\[  SKIPPED \] .*ms)$' "$log")
    echo "turn $turn $name: ok (seed $TIDELINE_SEED)$( ((skips == 0)) || echo ", $skips tests skipped")"
    rm "$log"
  else
    failed+=("$name (exit $code, seed $TIDELINE_SEED, $log)")
    echo "turn $turn $name: FAILED (exit $code, seed $TIDELINE_SEED), log: $log" >&2
    tail -n 30 "$log" >&2
  fi
}

run_campaigns() {
  local end=$((SECONDS + minutes * 60)) name order
  turn=0
  unset TIDELINE_ROUNDS TIDELINE_KILL_ROUNDS
  while ((SECONDS < end)); do
    order=("${names[@]}")
    if ((turn > 0)); then
      export TIDELINE_ROUNDS=$rounds TIDELINE_KILL_ROUNDS=$rounds
      mapfile -t order < <(printf '%s\n' "${names[@]}" | shuf)
    fi
    for name in "${order[@]}"; do
      ((SECONDS < end)) || break
      run_campaign "$name"
    done
    turn=$((turn + 1))
  done
}

# Of each campaign, and of those that were never begun together.
tell_campaigns() {
  local name never=()
  for name in "${names[@]}"; do
    if [[ -z ${begun[$name]:-} ]]; then
      never+=("$name")
    elif [[ -z ${runs[$name]:-} ]]; then
      told+=("$name: skipped as a whole")
    else
      told+=("$name: ran ${runs[$name]} time(s), ${full[$name]:-0} of them with $rounds rounds")
    fi
  done
  ((${#never[@]} == 0)) && return
  told+=("not begun within $minutes minutes: ${never[*]}")
  $partial || failed+=("${#never[@]} of ${#names[@]} campaigns were never begun")
}

finish() {
  ((${#names[@]} == 0)) || tell_campaigns
  ((${#told[@]} == 0)) || printf 'long.sh: %s\n' "${told[@]}"
  if ((${#failed[@]})); then
    printf 'long.sh: failed: %s\n' "${failed[@]}" >&2
    exit 1
  fi
  if ((${#told[@]} == 0)); then
    echo "long.sh: nothing was to be run" >&2
    exit 2
  fi
  echo "long.sh: of what ran nothing failed"
  exit 0
}

mkdir -p build
newcomer=false
((${#only[@]} == 1)) && [[ -n ${only[demo]:-} ]] && ! $list && newcomer=true
if ! $list && ! $newcomer; then
  deploy/setup/install.sh || exit 1
  mapfile -t programs < <(wanted_programs)
  build "$preset" "${programs[@]}" || exit 1
  if part_wanted fuzz; then
    mapfile -t programs < <(wanted_fuzz_targets | sed 's/^/fuzz_/')
    build fuzz "${programs[@]}" || exit 1
  fi
fi
$newcomer || [[ -e build/$preset/CTestTestfile.cmake ]] || { echo "long.sh: build/$preset is not configured" >&2; exit 1; }
declare -A commands=() runs=() full=() begun=()
names=()
while IFS=$'\t' read -r name command; do
  commands[$name]=$command
  names+=("$name")
done < <($newcomer || campaigns)
$newcomer || ((${#names[@]} > 0)) || { echo "long.sh: build/$preset names no campaigns" >&2; exit 1; }
if $list; then
  printf 'part      %s\n' "${parts[@]}"
  printf 'campaign  %s\n' "${names[@]}"
  fuzz_targets | sed 's/^/fuzzed    /'
  exit 0
fi
if ! wanted campaigns; then
  names=()
  for name in "${!only[@]}"; do
    is_part "$name" || is_fuzz_target "$name" && continue
    [[ -n ${commands[$name]:-} ]] || { echo "long.sh: --only $name: no campaign of that name; see --list" >&2; exit 2; }
    names+=("$name")
  done
fi
((minutes > 0)) || names=()

failed=()
source test/tools/realenv.sh
export_realenv build/realenv
bin=$root/build/$preset/bin
own="TIDELINE_BIN=$bin TIDELINE_SOURCE=$root"
trap 'failed+=("interrupted"); finish' INT TERM
for name in "${parts[@]}"; do
  part_wanted "$name" && run_part "$name"
done
((${#names[@]} == 0)) || run_campaigns
finish
