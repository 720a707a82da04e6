#!/bin/bash
# newcomer.sh [SOURCE]: what a newcomer does, and what stays of it. Clones SOURCE (default: this tree, as committed), runs
# deploy/demo.sh --quick in the clone with an empty compiler cache, and exits 1, saying why, unless
#   * it ends well and its summary holds all modes;
#   * of the packages that came, those that were asked for are in the part of deploy/setup/packages.txt that the demo
#     installs (the others are what these depend on), none went, and none of that part is missing;
#   * no process, cgroup, mount or file of it is left, but for the clone's build/.
# For root, on a machine that lacks some of the packages: elsewhere there is nothing to compare, and it says so.
set -uo pipefail
source=${1:-$(dirname "$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")")}
[[ $source != --help ]] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0; }

work=$(mktemp -d "${TMPDIR:-/tmp}/tideline-newcomer-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
clone=$work/clone
git clone --quiet -- "$source" "$clone" || exit 1

installed() {
  dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p' | sort -u
}

asked_for() {
  apt-mark showmanual | sed 's/:.*//' | sort -u
}

listed() {
  sed '/^# [a-z ]* only/,$d; s/#.*//; s/[[:space:]]//g; /^$/d' "$clone/deploy/setup/packages.txt" | sort -u
}

# What is, or may be, of a demo. Its daemons have its directory among their arguments, and all that it starts has our
# compiler cache in its environment.
present() {
  local process words=() variables=()
  for process in /proc/[0-9]*; do
    { mapfile -d '' -t words <"$process/cmdline" && mapfile -d '' -t variables <"$process/environ"; } 2>/dev/null || continue
    if [[ " ${words[*]} " == */tideline-demo-* || " ${variables[*]} " == *" CCACHE_DIR=$work/ccache "* ]]; then
      echo "process ${process#/proc/}: ${words[*]}"
    fi
  done
  find /sys/fs/cgroup -type d -name 'tideline-demo-*' 2>/dev/null | sed 's/^/cgroup /'
  grep -F -e tideline-demo- -e "$work" /proc/self/mountinfo | sed 's/^/mount /'
  find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'tideline-demo-*' | sed 's/^/file /'
  git -C "$clone" status --porcelain --ignored | grep -v '^!! build/$' | sed 's/^/in the clone: /'
}

failures=()
expect_none() {
  [[ -z $2 ]] || failures+=("$1: ${2//$'\n'/, }")
}

installed >"$work/installed"
asked_for >"$work/asked"
present | sort >"$work/present"
CCACHE_DIR=$work/ccache "$clone/deploy/demo.sh" --quick </dev/null || failures+=("deploy/demo.sh --quick: exit $?")
expect_none "left behind" "$(present | sort | comm -13 "$work/present" -)"
came=$(installed | comm -13 "$work/installed" -)
expect_none "packages that went" "$(installed | comm -23 "$work/installed" -)"
expect_none "packages of the list that are missing" "$(listed | comm -23 - <(installed))"
expect_none "packages asked for that the list does not have" "$(asked_for | comm -13 "$work/asked" - | comm -23 - <(listed))"
modes=$(python3 -c 'import json, sys; print(*json.load(open(sys.argv[1]))["modes"])' "$clone/build/demo/summary.json" 2>&1)
[[ $modes == "alone burstable besteffort threshold work-conserving" ]] || failures+=("modes in build/demo/summary.json: $modes")

if ((${#failures[@]})); then
  printf 'newcomer.sh: %s\n' "${failures[@]}" >&2
  trap - EXIT
  echo "newcomer.sh: all of it is kept in $work" >&2
  exit 1
fi
if [[ $came ]]; then
  echo "newcomer.sh: $(wc -l <<<"$came") packages came, all of the list or needed by it; nothing is left; $SECONDS s"
else
  echo "newcomer.sh: no package was missing here, so that the list was not put to the test; nothing is left; $SECONDS s"
fi
