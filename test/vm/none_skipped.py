#!/usr/bin/env python3
"""none_skipped.py FILE: exits 1, and says which, when tests in the guest were skipped or not run, by ctest's JUnit FILE.

A machine that has a kernel to boot has no reason to skip them.
"""

import sys
import xml.etree.ElementTree


def main():
    cases = [case for case in xml.etree.ElementTree.parse(sys.argv[1]).iter("testcase") if case.get("name").startswith("vm_")]
    left_out = [case.get("name") for case in cases if case.get("status") not in ("run", "fail")]
    if left_out:
        print(f"VMLINUZ is set, and yet not run in the guest: {', '.join(left_out)}", file=sys.stderr)
    elif not cases:
        print("VMLINUZ is set, and yet there are no tests in the guest", file=sys.stderr)
    return 1 if left_out or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
