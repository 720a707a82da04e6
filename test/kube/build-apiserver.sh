#!/bin/bash
# build-apiserver.sh DIR: builds kube-apiserver 1.20 from Debian's source package `kubernetes` and leaves DIR/kube-apiserver.
# For machines without a prebuilt one: export KUBE_APISERVER=DIR/kube-apiserver, and the tests of label kube run. Needs
# Debian 12 with its package golang-1.19-go; five minutes on two CPUs, 2 GiB of memory and of disk. No sources.list is touched.
set -euo pipefail
(($# == 1)) || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"
out=$(readlink -f "$1")
export PATH=/usr/lib/go-1.19/bin:$PATH
command -v go >/dev/null || { echo "build-apiserver.sh: no go: deploy/setup/install.sh --apiserver installs it" >&2; exit 1; }

work=$out/build
tree=$work/gopath/src/k8s.io/kubernetes
if [[ ! -e $tree/cmd/kube-apiserver ]]; then
  mkdir -p "$work/apt/lists/partial" "$tree"
  mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} bookworm main" \
    >"$work/apt/sources.list"
  apt=(-o "Dir::Etc::sourcelist=$work/apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/apt/lists"
    -o APT::Sandbox::User=root)
  apt-get "${apt[@]}" --quiet update
  (cd "$work" && apt-get "${apt[@]}" source --download-only kubernetes)
  tar --extract --gzip --file "$work"/kubernetes_*.orig.tar.gz --directory "$tree" --strip-components=1
fi

export GOPATH=$work/gopath GOCACHE=$work/cache GO111MODULE=off GOFLAGS='' CGO_ENABLED=0
cd "$tree"
vendored=k8s.io/kubernetes/vendor/k8s.io
openapi=pkg/generated/openapi/zz_generated.openapi.go
if [[ ! -e $openapi ]]; then
  # Debian's tarball has every generated file but this one, which is made of the packages that ask for it by a comment.
  go build -o "$work/openapi-gen" "$vendored/kube-openapi/cmd/openapi-gen"
  mapfile -t packages < <(find -L vendor/k8s.io cmd pkg plugin test -name '*.go' -not -name 'zz_generated*' \
    -not -path 'vendor/k8s.io/code-generator/*' -not -path 'vendor/k8s.io/sample-apiserver/*' -not -path '*/_examples/*' \
    -not -path '*/testdata/*' -exec grep --files-with-matches --extended-regexp '^// *\+k8s:openapi-gen=' {} + |
    xargs --no-run-if-empty --max-args=1 dirname | LC_ALL=C sort --unique)
  inputs=$(printf ',k8s.io/kubernetes/%s' "${packages[@]}")
  "$work/openapi-gen" --logtostderr -v 0 --input-dirs "${inputs#,}" --output-package k8s.io/kubernetes/pkg/generated/openapi \
    --output-file-base zz_generated.openapi --go-header-file vendor/k8s.io/code-generator/hack/boilerplate.go.txt \
    --report-filename "$work/openapi-violations"
fi
# kubectl and clients go by the version that the server names.
flags="-s -w"
for package in "$vendored/component-base/version" "$vendored/client-go/pkg/version"; do
  flags+=" -X $package.gitVersion=v1.20.2 -X $package.gitMajor=1 -X $package.gitMinor=20"
done
nice go build -trimpath -ldflags "$flags" -o "$out/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
"$out/kube-apiserver" --version
