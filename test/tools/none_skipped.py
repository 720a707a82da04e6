#!/usr/bin/env python3
"""none_skipped.py FILE guest|kube: exits 1, and says which, when tests of that kind were skipped or not run, by ctest's
JUnit FILE.

A machine that has a kernel to boot, or an API server to start, has no reason to skip them.
"""

import re
import sys
import xml.etree.ElementTree

KINDS = {"guest": ("VMLINUZ", r"vm_"), "kube": ("KUBE_APISERVER", r"(test_\w*|bench_|docs_)kubernetes")}


def main():
    variable, names = KINDS[sys.argv[2]]
    cases = [case for case in xml.etree.ElementTree.parse(sys.argv[1]).iter("testcase") if re.match(names, case.get("name"))]
    left_out = [case.get("name") for case in cases if case.get("status") not in ("run", "fail")]
    if left_out:
        print(f"{variable} is set, and yet not run: {', '.join(left_out)}", file=sys.stderr)
    elif not cases:
        print(f"{variable} is set, and yet there are no tests that need it", file=sys.stderr)
    return 1 if left_out or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
