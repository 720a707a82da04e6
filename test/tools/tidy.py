#!/usr/bin/env python3
"""tidy.py JOBS [FILE...]: clang-tidy over the pure rooms' sources, or over the given ones of them, the last changed first.

A file that passed with these very contents (its own, those of the project's headers that it includes, .clang-tidy's) is
not read again. After TIDELINE_TIDY_SECONDS no further file is begun; those left over are counted, and are no failure.
"""

import concurrent.futures
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLAGS = ["-std=c++20", f"-I{ROOT}", "-DFMT_SHARED", '-DTIDELINE_VERSION="0"']
PURE = re.compile(r"add_room\([^)]*\sPURE\b")
INCLUDE = re.compile(rb'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
SHOWN = 10


def git(*arguments):
    done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


class Sources:
    """What a file is made of: itself, and what it includes of this project."""

    def __init__(self):
        self.read_ = {}

    def read(self, path):
        if path not in self.read_:
            content = (ROOT / path).read_bytes()
            names = sorted({name.decode() for name in INCLUDE.findall(content)})
            self.read_[path] = content, [name for name in names if (ROOT / name).is_file()]
        return self.read_[path]

    def parts(self, path):
        known, ahead = {path}, [path]
        while ahead:
            new = set(self.read(ahead.pop())[1]) - known
            known |= new
            ahead.extend(new)
        return sorted(known)

    def key(self, path):
        digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes() + path.encode())
        for part in self.parts(path):
            digest.update(hashlib.sha256(self.read(part)[0]).digest())
        return digest.hexdigest()[:40]


def pure_sources():
    rooms = [pathlib.Path(name).parent for name in git("ls-files", "--", "*/CMakeLists.txt")
             if PURE.search((ROOT / name).read_text())]
    return [str(path.relative_to(ROOT)) for room in rooms for path in sorted((ROOT / room).glob("*.cpp"))]


def by_change(sources, paths):
    """A finding is likeliest in what no run has seen: what is not committed, then the last commits' files."""
    names = [*git("diff", "--name-only", "HEAD"), *git("log", "-n", "200", "--format=", "--name-only")]
    when = {}
    for place, name in enumerate(names):
        when.setdefault(name, place)
    return sorted(paths, key=lambda path: min(when.get(part, len(names)) for part in sources.parts(path)))


def check(path, stamp, end):
    if time.monotonic() >= end:
        return None
    done = subprocess.run(["clang-tidy", "--quiet", "--extra-arg=-Wno-unknown-warning-option", path, "--", *FLAGS],
                          cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        stamp.touch()
        return True
    print(f"{path}\n{done.stdout}{done.stderr}", flush=True)
    return False


def main():
    jobs, only = int(sys.argv[1]), sys.argv[2:]
    end = time.monotonic() + int(os.environ.get("TIDELINE_TIDY_SECONDS", "200"))
    stamps = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "tideline-tidy"
    stamps.mkdir(parents=True, exist_ok=True)
    sources = Sources()
    paths = pure_sources()
    if unknown := set(only) - set(paths):
        sys.exit(f"tidy.py: not sources of a pure room: {' '.join(sorted(unknown))}")
    stamp_of = {path: stamps / sources.key(path) for path in only or paths}
    queue = by_change(sources, [path for path, stamp in stamp_of.items() if not stamp.exists()])
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        outcomes = list(pool.map(lambda path: check(path, stamp_of[path], end), queue))
    left = [path for path, outcome in zip(queue, outcomes) if outcome is None]
    bad = [path for path, outcome in zip(queue, outcomes) if outcome is False]
    print(f"clang-tidy: {len(queue) - len(left)} of {len(stamp_of)} files read, {len(stamp_of) - len(queue)} not changed "
          f"since they passed, {len(left)} not read for want of time"
          + (f" ({', '.join(left[:SHOWN])}{', ...' if len(left) > SHOWN else ''})" if left else ""))
    if bad:
        print(f"clang-tidy: findings in {' '.join(bad)}")
    sys.exit(1 if bad else 0)


main()
