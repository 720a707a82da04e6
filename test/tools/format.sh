#!/bin/bash
# format.sh [--fix]: every tracked C++ file is as .clang-format says; --fix makes it so.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
mode=(--dry-run -Werror)
[[ ${1:-} == --fix ]] && mode=(-i)
git ls-files -z -- '*.h' '*.cpp' | xargs -0 --no-run-if-empty clang-format "${mode[@]}"
