#!/usr/bin/env python3
"""side_by_side.py PROGRAM: runs each test of a GoogleTest program as a process of its own, all at once.

For tests that mostly wait. Prints what each one said when it ends; exits 1 if one failed, 77 if all were skipped.
"""

import signal
import subprocess
import sys
import tempfile

SKIPPED = 77


def names_of(program):
    names, suite = [], ""
    listing = subprocess.run([program, "--gtest_list_tests"], check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        word = line.split("#")[0].strip()
        if line.startswith("  "):
            names.append(suite + word)
        elif word.endswith("."):
            suite = word
    return names


def main():
    program = sys.argv[1]
    names = names_of(program)
    if not names:
        print(f"{program}: no tests", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    runs = []
    try:
        for name in names:
            log = tempfile.TemporaryFile()
            runs.append((name, log, subprocess.Popen([program, f"--gtest_filter={name}"], stdout=log, stderr=log)))
        outcomes = []
        for name, log, process in runs:
            code = process.wait()
            log.seek(0)
            text = log.read().decode("utf-8", "replace")
            print(text, end="", flush=True)
            outcomes.append("failed" if code != 0 else "skipped" if "[  SKIPPED ]" in text else "passed")
            print(f"side_by_side.py: {name} {outcomes[-1]}", flush=True)
    finally:
        for _, _, process in runs:
            if process.poll() is None:
                process.terminate()
    if "failed" in outcomes:
        return 1
    return SKIPPED if set(outcomes) == {"skipped"} else 0


if __name__ == "__main__":
    sys.exit(main())
