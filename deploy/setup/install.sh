#!/bin/bash
# install.sh [--demo|--benchmarks|--image coordinator|--image node|--apiserver]: installs what
# deploy/setup/packages.txt lists and this Debian machine lacks: what building and testing need, with --demo without what
# stands under "tests only", with --benchmarks also what stands under "benchmarks only"; with --image what an image with
# that program in it needs, with --apiserver what test/kube/build-apiserver.sh does, and nothing else. Starts no service.
# Without root it names what is missing and the command that installs it, and exits 1.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
list=$here/packages.txt

common=true
case ${1:-} in
  '') sections=(tests) ;;
  --demo) sections=() ;;
  --benchmarks) sections=(tests benchmarks) ;;
  --image)
    [[ ${2:-} == coordinator || ${2:-} == node ]] ||
      { echo "install.sh: --image '${2:-}': want coordinator or node" >&2; exit 2; }
    sections=("$2 image")
    common=false
    ;;
  --apiserver) sections=(apiserver) common=false ;;
  *)
    echo "install.sh: unknown argument '$1': want --demo, --benchmarks, --image, --apiserver or nothing" >&2
    exit 2
    ;;
esac
wanted=()
taken=$common
heading='^# ([a-z ]+) only'
while read -r line; do
  if [[ $line =~ $heading ]]; then
    taken=false
    for section in "${sections[@]}"; do
      [[ $section != "${BASH_REMATCH[1]}" ]] || taken=true
    done
  fi
  package=${line%%#*}
  package=${package//[[:space:]]/}
  if $taken && [[ $package ]]; then wanted+=("$package"); fi
done <"$list"

declare -A present=()
names=()
for package in "${wanted[@]}"; do
  IFS='|' read -ra either <<<"$package"
  names+=("${either[@]}")
done
while read -r package status; do
  [[ $status == installed ]] && present[$package]=1
done < <(dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' "${names[@]}" 2>/dev/null || true)

missing=()
for package in "${wanted[@]}"; do
  IFS='|' read -ra either <<<"$package"
  for name in "${either[@]}"; do
    [[ -z ${present[$name]:-} ]] || continue 2
  done
  missing+=("${either[0]}")
done
((${#missing[@]})) || exit 0

echo "install.sh: missing of $list: ${missing[*]}" >&2
if ((EUID != 0)); then
  echo "install.sh: not root; install them with: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi

# Debian asks policy-rc.d before it starts a daemon of a new package; 101 forbids it.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
elif "$policy" nginx start >/dev/null 2>&1; then
  kept=$(mktemp "$policy.kept.XXXXXX")
  mv "$policy" "$kept"
  trap 'mv "$kept" "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet >&2
apt-get install --yes --quiet --no-install-recommends "${missing[@]}" >&2
