#!/usr/bin/env python3
"""A batch job that takes memory as fast as it can, beside a service that uses its own throughout: who is harmed?

The kubepods group has --tree-mib, of which the service holds the part --service; the batch pod's own limit is above the
group's. tideline: the agent with its default relief, eviction and emergency kill. control: no agent, and oom_score_adj as
kubelet gives it. control-flat: no agent, and nobody has one, as where no kubelet is. earlyoom: Debian's, told to prefer
batch, in a PID namespace in which it sees nothing but these loads.

earlyoom knows the host's MemAvailable alone. It is given, before each run, the value that MemAvailable will have when the
group reaches the threshold, so that it acts at the same number of bytes. What it cannot do: know the group's limit by
itself, tell the group's memory from what the rest of the host takes meanwhile, reclaim or hold batch before it kills, or
ask anybody. Needs root, a disk below $TMPDIR and no swap; leaves nothing.
"""

import contextlib
import re
import shutil
import signal
import sys
import time

import lab
from lab import say
from tideline_demo.tideline import now_ms
from memory_tree import (KUBEPODS, MIB, Bench, Process, Sampler, Service, children_of, crossing,
                         meminfo_kib, memory_load, parser, policy, print_table, relief_of, settled_events,
                         stop, wait_for, write_json)

WAYS = ("tideline", "control", "control-flat", "earlyoom")
COLUMNS = {
    "ls_oom_kills": ("LS OOM kills", "{:.0f}", "sum"),
    "quiet_p99_ms": ("quiet p99 ms", "{:.2f}", "median"),
    "p50_ms": ("race p50 ms", "{:.2f}", "median"),
    "race_p99_ms": ("race p99 ms [95 %]", "{:.2f}", "median"),
    "max_ms": ("max ms", "{:.1f}", "median"),
    "served_percent": ("served %", "{:.1f}", "median"),
    "crossed": ("crossed", "{:.0f}", "sum"),
    "relief_ms": ("to relief ms", "{:.0f}", "median"),
    "most_percent": ("most used %", "{:.1f}", "median"),
    "limit_hits": ("limit hits", "{:.0f}", "median"),
    "batch_seconds": ("batch lived s", "{:.2f}", "median"),
    "batch_mib": ("batch had MiB", "{:.0f}", "median"),
    "evicted": ("evicted", "{:.0f}", "sum"),
    "killed": ("emergency kills", "{:.0f}", "sum"),
    "batch_oom_kills": ("batch OOM kills", "{:.0f}", "sum"),
}


class Earlyoom:
    """In namespaces of its own: it picks among all processes that it sees."""

    def __init__(self, bench):
        self.bench = bench
        self.holder = Process("namespace", ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sleep", 900],
                              f"{bench.lab.scratch}/namespace.log")
        # Before its /proc is mounted, that of the host would be seen.
        self.init = wait_for("a PID namespace", 10, self._sleeper, [self.holder])
        self.runs = 0

    def _sleeper(self):
        for pid in children_of(self.holder.pid):
            with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                if file.read().strip() == "sleep":
                    return pid
        return None

    def inside(self, mount=False):
        """What a command begins with to run there."""
        return ["nsenter", "--target", self.init, "--pid", *(["--mount"] if mount else [])]

    def start(self, *arguments):
        self.runs += 1
        log = f"{self.bench.lab.scratch}/earlyoom-{self.runs}.log"
        open(log, "w", encoding="utf-8").close()
        return Process("earlyoom", [*self.inside(mount=True), "earlyoom", "-r", 1, *arguments], log)

    def total_mib(self):
        """What its percentages are of, in its own words, which differ by its version."""
        probe = self.start("-m", 1)
        try:
            found = wait_for("a line of earlyoom", 10, lambda: re.search(
                r"mem avail:\s*\d+ of\s+(\d+) MiB", open(probe.log, encoding="utf-8").read()), [probe])
        finally:
            stop(probe)
        return int(found.group(1))

    def watch(self):
        """Ends batch when the group reaches the threshold, with SIGKILL half-way from there to its limit."""
        bench = self.bench
        total = self.total_mib() * MIB
        room = bench.threshold_bytes - bench.memory.usage(KUBEPODS)
        left = meminfo_kib("MemAvailable") * 1024 - room
        half = (bench.options.tree_mib * MIB - bench.threshold_bytes) // 2
        percents = [f"{100 * size / total:.3f}" for size in (left, left - half)]
        # Without swap, none of it is free, which is below any -s.
        return self.start("-m", ",".join(percents), "--prefer", "^batch$", "--avoid", "^service$")

    def stop(self):
        self.holder.stop(signal.SIGKILL)


class Race:
    def __init__(self, bench):
        self.bench = bench
        self.options = bench.options

    def scores(self, way):
        """oom_score_adj of service and batch as kubelet reckons them on a node of this size, or none."""
        if way not in ("control", "earlyoom"):
            return [], []
        service = max(2, 1000 - int(1000 * self.options.service))
        return ["--oom-score-adj", service], ["--oom-score-adj", 1000]

    def run(self, way):
        bench, options = self.bench, self.options
        bench.lab.gate()
        group = bench.add_batch()[0]
        bench.memory.set_limit(group, options.tree_mib * MIB * 5 // 4)
        life = options.peace + options.warm_up + options.seconds + 60
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(bench.remove_batch)
            earlyoom = None
            if way == "earlyoom":
                earlyoom = Earlyoom(bench)
                cleanup.callback(earlyoom.stop)
            before = earlyoom.inside() if earlyoom else ()
            service_score, batch_score = self.scores(way)
            service = Service(bench, life, service_score, before)
            cleanup.callback(service.stop)
            tideline = None
            if way == "tideline":
                tideline = bench.start_tideline(policy(options, emergency=True))
                cleanup.callback(tideline.stop)
            if earlyoom:
                cleanup.callback(stop, earlyoom.watch())
            quiet = time.monotonic()
            time.sleep(options.warm_up)
            found = self.race(service, group, ["--name", "batch", *batch_score], before)
            found["quiet_p99_ms"] = service.figures(quiet, found["raw"]["begin"])["p99_ms"]
            if tideline:
                told = settled_events(tideline, found["raw"]["wall_ms"])
                found |= relief_of(told) | {"events": told}
        return found

    def race(self, service, group, more, before):
        bench, options = self.bench, self.options
        sampler = Sampler(bench.memory)
        hits = bench.memory.limit_hits(KUBEPODS)
        kills = bench.memory.oom_kills(group)
        wall_ms, begin = now_ms(), time.monotonic()
        batch = memory_load(bench, "batch", group, ["grow", "--mib", options.tree_mib * 9 // 8, "--rate", options.rate,
                                                    "--seconds", options.seconds + 30, *more], before=before)
        try:
            while batch.popen.poll() is None and time.monotonic() - begin < options.seconds:
                time.sleep(0.01)
            lived = time.monotonic() - begin
            code = batch.popen.poll()
            # What the service waits for at this moment is of the race.
            time.sleep(1)
        finally:
            stop(batch)
            samples = sampler.stop()
            service.stop()
        during = service.figures(begin, begin + lived + 1)
        relief, crossed = crossing(samples, bench.threshold_bytes, begin)
        return {
            "raw": {"begin": begin, "wall_ms": wall_ms, "batch_exit": code}, "ls_oom_kills": service.oom_killed(),
            "p50_ms": during["p50_ms"], "race_p99_ms": during["p99_ms"], "max_ms": during["max_ms"],
            "served_percent": during["served_percent"], "crossed": int(crossed),
            "relief_ms": None if relief is None else 1000 * relief,
            "most_percent": 100 * max(used for _, used, _ in samples) / (options.tree_mib * MIB),
            "limit_hits": bench.memory.limit_hits(KUBEPODS) - hits,
            "batch_seconds": None if code is None else lived,
            "batch_mib": max(batch for _, _, batch in samples) / MIB,
            "batch_oom_kills": bench.memory.oom_kills(group) - kills,
        }


def findings(done, ways, options):
    print(f"{options.rounds} runs of each; {options.tree_mib} MiB for all pods, the service holds {options.service:.0%}, "
          f"threshold {options.threshold} %; batch takes "
          + ("memory as fast as it can." if options.rate == 0 else f"{options.rate:g} MiB/s."))
    print_table(done, ways, COLUMNS)
    for way in ways:
        runs = [runs[way] for runs in done]
        unrelieved = sum(1 for run in runs if run["crossed"] and run["relief_ms"] is None)
        lived = sum(1 for run in runs if run["batch_seconds"] is None)
        print(f"{way}: LS OOM-killed in {sum(run['ls_oom_kills'] > 0 for run in runs)} of {len(runs)} runs; the threshold "
              f"was crossed in {sum(run['crossed'] for run in runs)}, {unrelieved} of them without relief in "
              f"{options.seconds:g} s; batch lived on in {lived}")
    if "earlyoom" in ways:
        print("earlyoom was told before each run at which MemAvailable of the host to act; it knows no group, holds and "
              "reclaims nothing before it kills, and asks nobody.")


def work(made):
    bench = Bench(made)
    ways = [way for way in WAYS if way in made.options.ways.split(",")]
    if "earlyoom" in ways and not shutil.which("earlyoom"):
        say("earlyoom is not installed (deploy/setup/install.sh --benchmarks): left out")
        ways.remove("earlyoom")
    race = Race(bench)
    done = lab.rounds(made.options, ways, race.run)
    findings(done, ways, made.options)
    write_json(made.options, "memory_race", done)


if __name__ == "__main__":
    arguments = parser(__doc__, seconds=10, rounds=20)
    arguments.add_argument("--ways", default=",".join(WAYS), help=f"of {', '.join(WAYS)} (default: all)")
    arguments.add_argument("--rate", type=float, default=0, help="MiB a second that batch takes; 0: as fast as it can")
    sys.exit(lab.main(arguments.parse_args(), work))
