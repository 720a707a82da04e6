#!/bin/bash
# long.sh [--minutes N] [--rounds N] [--preset release|asan] [--list] [--help]
# First all tests in the cgroup v2 guest (test/vm), where VMLINUZ or a prebuilt kernel is there. Then the long campaigns:
# the build's own test programs with more rounds, and fresh seeds, until the time is up.
#   --minutes N   begin no campaign after this time (default 60)
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
    --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "long.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
  esac
  shift
done

# Every test program whose sources ask for rounds takes part: nothing is listed twice. Prints "name<TAB>command line",
# with the environment ctest would give it; not ctest itself, whose time limits are for the usual number of rounds.
campaigns() {
  local folders
  folders=$(grep -rlE 'rounds\(|TIDELINE_[A-Z_]*ROUNDS' test --include='*_test.cpp' | xargs -r -n1 dirname | sort -u)
  ctest --test-dir "build/$preset" --show-only=json-v1 2>/dev/null | FOLDERS=$folders python3 -c '
import json, os, re, shlex, sys
programs = ["test_" + re.sub("[/-]", "_", folder.removeprefix("test/")) for folder in os.environ["FOLDERS"].split()]
for test in json.load(sys.stdin)["tests"]:
    name = test["name"]
    if not (name == "demo_quick" or any(name == p or name.startswith(p + "_") for p in programs)):
        continue
    environment = next((p["value"] for p in test["properties"] if p["name"] == "ENVIRONMENT"), [])
    print(name, shlex.join(["env", *filter(None, environment), *test.get("command", ["false"])]), sep="\t")'
}

if ! $list; then
  deploy/setup/install.sh || exit 1
  mkdir -p build
  { cmake --preset "$preset" >"build/$preset.configure.log" 2>&1 && cmake --build --preset "$preset"; } || exit 1
fi
[[ -e build/$preset/CTestTestfile.cmake ]] || { echo "long.sh: build/$preset is not configured" >&2; exit 1; }
mapfile -t entries < <(campaigns)
if $list; then
  printf '%s\n' "${entries[@]%%$'\t'*}"
  exit 0
fi

failed=()
source test/tools/realenv.sh
export_realenv build/realenv
ctest --test-dir "build/$preset" --label-regex '^guest' --output-on-failure || failed+=("guest tests")
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
