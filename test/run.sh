#!/bin/bash
# run.sh [--quick] [--label REGEX] [--jobs N] [--help]
# Sets up, builds and tests the whole project; the last lines are ctest's summary of the release run.
#   --quick        release build and all tests with it only: no format check, clang-tidy or sanitizers. Otherwise what
#                  says nothing of time or of the machine runs with the sanitizers, and the release build has the others
#   --label REGEX  only tests whose label matches: unit, sim, kernel, e2e, kube, house, guest
#   --jobs N       CPUs to build and test with (default: all)
# Environment: TIDELINE_TIDY_SECONDS bounds clang-tidy (default 200; files left over are named); TIDELINE_MINUTES the whole
#   run (default: none): what leaves others no time is left out by name, of the tests with ASan, TSan and clang-tidy
set -uo pipefail
root=$(dirname "$(dirname "$(readlink -f "$0")")")
cd "$root" || exit 1

quick=false
label=.
jobs=$(nproc)
while (($#)); do
  case $1 in
    --quick) quick=true ;;
    --label) label=${2:?--label needs a regular expression}; shift ;;
    --jobs) jobs=${2:?--jobs needs a number}; shift ;;
    --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "run.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
  esac
  shift
done

failed=()
took=()
stage() {
  local name=$1 begin=$SECONDS
  shift
  echo "== $name"
  local status=0
  "$@" || status=1
  took+=("$name $((SECONDS - begin)) s")
  if ((status)); then
    failed+=("$name")
    echo "== $name: FAILED after $((SECONDS - begin)) s" >&2
  else
    echo "== $name: ok, $((SECONDS - begin)) s"
  fi
  return "$status"
}

# Who reads along sees each step; a log has what failed.
ninja=()
[[ -t 1 ]] || ninja=(-- --quiet)

build() {
  local preset=$1
  shift
  cmake --preset "$preset" "$@" >"build/$preset.configure.log" 2>&1 || { cat "build/$preset.configure.log" >&2; return 1; }
  cmake --build --preset "$preset" -j "$jobs" "${ninja[@]}"
}

# CAF, KJ and RocksDB are not instrumented, and their false alarms hide real ones: TSan runs the rooms' unit tests without,
# and no benchmarks.
tsan_leaves_out='^bench_|(node_actor|coordinator)_actor(_|$)|messages_(link|certs|http)|node_actor_fleet|coordinator_(admin|web|remote_write|options|planner_program)|k8s_bridge_(actor|api)|admin_client|storage_(rocks|history_program)'
# Of those it runs what has threads, or what threads share, in its room or in its tests: a program of one thread has no
# race, and pure rooms have nothing else (test/house).
with_threads() {
  grep -rlE 'std::(jthread|thread|async|atomic|mutex|shared_mutex|condition_variable|once_flag)\b' --include='*.cpp' --include='*.h' \
    admin-client coordinator deploy k8s-bridge messages node-actor storage test |
    xargs -n 1 dirname | sed 's,^test/,,; s,[/-],_,g' | sort -u | paste -sd '|'
}
tsan_takes="^test_($(with_threads))$"
build_tsan() {
  cmake --preset tsan >build/tsan.configure.log 2>&1 || { cat build/tsan.configure.log >&2; return 1; }
  local targets
  mapfile -t targets < <(ctest --test-dir build/tsan --show-only=json-v1 --label-regex '^unit$' --tests-regex "$tsan_takes" \
    --exclude-regex "$tsan_leaves_out" |
    python3 -c 'import json, sys; [print(test["name"]) for test in json.load(sys.stdin)["tests"]]' | grep '^test_')
  cmake --build --preset tsan -j "$jobs" --target "${targets[@]}" "${ninja[@]}"
}

# run_tests PRESET JOBS LABELS_LEFT_OUT [of ctest...]. What takes longer than a run should is test/long.sh's. ctest's
# processors are half CPUs: a test that mostly waits has one, one that computes two or more, and what says how long something
# takes has all.
run_tests() {
  local preset=$1 tests=$2 left_out=$3
  shift 3
  ctest --label-exclude "^(guest_.*|elsewhere${left_out:+|$left_out})$" --test-dir "build/$preset" -j "$tests" --output-on-failure \
    --output-junit tests.xml "$@"
}

release_log=build/release/ctest.log
timed_tests() {
  run_tests release $((2 * jobs)) '' --label-regex "$label" --no-tests=error 2>&1 | tee "$release_log"
  return "${PIPESTATUS[0]}"
}

# in_time MINUTES NAME: whether so many minutes are left for it. What a limit leaves out is named.
left_out=()
in_time() {
  [[ -z ${TIDELINE_MINUTES:-} ]] || ((SECONDS <= (TIDELINE_MINUTES - $1) * 60)) || { left_out+=("$2"); return 1; }
}

# A test that is skipped although what it needs is there is a failure: a kernel to boot, an API server to start.
none_skipped() {
  local variable=$1 kind=$2
  [[ -z ${!variable:-} || $label != . ]] || test/tools/none_skipped.py build/release/tests.xml "$kind"
}

# clang-tidy has what the sanitizers' tests leave of the CPUs, which mostly wait.
tidy_log=build/tidy.log
tidy_pid=
begin_tidy() {
  nice -n 19 test/tools/tidy.py "$jobs" >"$tidy_log" 2>&1 &
  tidy_pid=$!
  trap 'kill "$tidy_pid" 2>/dev/null' EXIT
}
end_tidy() {
  wait "$tidy_pid"
  local status=$?
  cat "$tidy_log"
  return "$status"
}

source test/tools/realenv.sh

mkdir -p build
stage packages deploy/setup/install.sh || exit 1
export_realenv build/realenv
# In a whole run each test is in one of the builds (place_test in deploy/cmake/AddRoom.cmake).
timed=all
if ! $quick; then
  [[ $label != . ]] || timed=timed
  stage format test/tools/format.sh
  if stage build-asan build asan -DTIDELINE_TESTS=checked; then
    asan_tests() { run_tests asan $((2 * jobs)) "$1" --label-regex "$label" --no-tests=ignore; }
    # Of random states, the first ten seeds.
    GTEST_FILTER="-*Random*/??" stage asan-unit asan_tests 'e2e|kernel|sim|house'
    # With these, what is left to do takes one and a half times what was done by now.
    in_time $((SECONDS / 40)) asan-others && begin_tidy && stage asan-others asan_tests unit
  fi
  [[ -n $tidy_pid ]] || { in_time 4 tidy && begin_tidy; }
  [[ -z $tidy_pid ]] || stage tidy end_tidy
fi
stage build-release build release -DTIDELINE_TESTS=$timed || exit 1
((${#failed[@]} == 0)) || echo "FAILED before the release tests: ${failed[*]}" >&2
stage release timed_tests
none_skipped VMLINUZ guest || failed+=(guest)
none_skipped KUBE_APISERVER kube || failed+=(kube)
if ! $quick; then
  # Random states of pure functions are one thread's, and slow under TSan: ASan has them.
  in_time 15 tsan && stage build-tsan build_tsan &&
    GTEST_FILTER='-*Random*' stage tsan run_tests tsan "$jobs" '' --label-regex '^unit$' --tests-regex "$tsan_takes" \
      --exclude-regex "$tsan_leaves_out" --no-tests=error
fi
echo "== $SECONDS s: $(printf '%s, ' "${took[@]}")"
((${#left_out[@]} == 0)) || echo "LEFT OUT, for TIDELINE_MINUTES=$TIDELINE_MINUTES: ${left_out[*]}" >&2
((${#failed[@]} == 0)) || echo "FAILED: ${failed[*]}" >&2
sed -n '/tests passed, /,$p' "$release_log"
((${#failed[@]} == 0))
