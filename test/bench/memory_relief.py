#!/usr/bin/env python3
"""Which rung of relief acts, what it frees and what it costs batch, for four kinds of batch beside one service.

slow-leak: one pod takes a few MiB a second. cache-heavy: one streams files, more than there is room for. anon-heavy: one
takes at once what brings use above the threshold, and holds it. many-small: sixteen pods that together do the same. The
lowest rung that suffices should act, and no higher one. Bytes, rungs and victims are those of the node's own events.
Needs root, a disk below $TMPDIR and no swap; leaves nothing.
"""

import contextlib
import subprocess
import sys
import threading
import time

import lab
from lab import say
from tideline_demo.tideline import now_ms
from memory_tree import (KUBEPODS, MIB, RUNGS, Bench, Sampler, Service, Unusable, events, has_page_cache, memory_load,
                         parser, policy, print_table, quantile, relief_of, settled_events, stop,
                         write_json)

PODS = 16
WAYS = ("slow-leak", "cache-heavy", "anon-heavy", "many-small")
COLUMNS = {
    "rung": ("highest rung", "{:.0f}", "median"),
    "above_seconds": ("s above threshold", "{:.1f}", "median"),
    "most_percent": ("most used %", "{:.1f}", "median"),
    "reclaimed_mib": ("reclaimed MiB", "{:.0f}", "median"),
    "reclaims": ("reclaims", "{:.0f}", "median"),
    "reclaim_seconds": ("s in reclaim", "{:.2f}", "median"),
    "evicted": ("evicted", "{:.0f}", "sum"),
    "killed": ("emergency kills", "{:.0f}", "sum"),
    "batch_oom_kills": ("batch OOM kills", "{:.0f}", "sum"),
    "ended": ("pods ended", "{:.1f}", "median"),
    "lost_mib": ("lost MiB", "{:.0f}", "median"),
    "stream_mib_per_s": ("streamed MiB/s", "{:.0f}", "median"),
    "ls_oom_kills": ("LS OOM kills", "{:.0f}", "sum"),
    "p50_ms": ("LS p50 ms", "{:.2f}", "median"),
    "ls_p99_ms": ("LS p99 ms [95 %]", "{:.2f}", "median"),
}


class Stream:
    """How much of a streaming batch went through, as it says itself."""

    def __init__(self, process):
        self.process = process
        self.marks = []  # (time, MiB so far)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.popen.stdout:
            if line.startswith(b"p "):
                _, at, mib = line.split()
                self.marks.append((float(at) / 1000, float(mib)))

    def rate(self, begin, end):
        between = [mark for mark in self.marks if begin <= mark[0] <= end]
        if len(between) < 2:
            return None
        return (between[-1][1] - between[0][1]) / (between[-1][0] - between[0][0])


class Relief:
    def __init__(self, bench, tideline):
        self.bench = bench
        self.options = bench.options
        self.tideline = tideline

    def loads(self, way, groups):
        """-> [(group, arguments)]. The room up to the threshold and a twentieth of the tree above it, or what there is."""
        options, bench = self.options, self.bench
        above = (bench.threshold_bytes - bench.memory.usage(KUBEPODS)) // MIB + options.tree_mib // 20
        life = ["--seconds", options.seconds + 30]
        if way == "slow-leak":
            return [(groups[0], ["grow", "--mib", options.tree_mib, "--rate", max(1, above / options.seconds * 1.5), *life])]
        if way == "cache-heavy":
            return [(groups[0], ["stream", "--directory", self.bench.lab.scratch, "--mib", options.tree_mib * 3 // 2,
                                 *life])]
        if way == "anon-heavy":
            return [(groups[0], ["grow", "--mib", above, *life])]
        return [(group, ["grow", "--mib", above // PODS + 1, "--rate", max(1, above / PODS / 5), *life]) for group in groups]

    def run(self, way):
        bench, options = self.bench, self.options
        bench.lab.gate()
        groups = bench.add_batch(PODS if way == "many-small" else 1)
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(bench.remove_batch)
            self.tideline.write_pods(bench.pods())
            service = Service(bench, options.seconds + options.warm_up + 60)
            cleanup.callback(service.stop)
            time.sleep(options.warm_up)
            found = self.relieve(way, groups, service, cleanup)
        self.until_calm()
        return found

    def relieve(self, way, groups, service, cleanup):
        bench, options = self.bench, self.options
        kills = [bench.memory.oom_kills(group) for group in groups]
        loads = self.loads(way, groups)
        sampler = Sampler(bench.memory)
        cleanup.callback(sampler.stop)
        wall_ms, begin = now_ms(), time.monotonic()
        batch = []
        for group, arguments in loads:
            batch.append(memory_load(bench, f"batch-{len(batch)}", group, arguments, subprocess.PIPE))
            cleanup.callback(stop, batch[-1])
        streams = [Stream(process) for process in batch]
        time.sleep(options.seconds)
        end = time.monotonic()
        ended = [code is not None for code in (process.popen.poll() for process in batch)]
        samples = sampler.stop()
        # What each had when it was ended is what it must do again.
        held = max(use for _, _, use in samples) / MIB / len(batch)
        for process in batch:
            stop(process)
        for stream in streams:
            stream.reader.join()
            stream.process.popen.stdout.close()
        service.stop()
        told = settled_events(self.tideline, wall_ms)
        during = service.figures(begin, end)
        above = [at for at, used, _ in samples if used >= bench.threshold_bytes]
        return relief_of(told) | {
            "above_seconds": len(above) * (end - begin) / max(1, len(samples)),
            "most_percent": 100 * max(used for _, used, _ in samples) / (options.tree_mib * MIB),
            "used_p50_percent": 100 * quantile([used for _, used, _ in samples], 0.5) / (options.tree_mib * MIB),
            "batch_oom_kills": sum(bench.memory.oom_kills(group) for group in groups) - sum(kills),
            "ended": sum(ended), "lost_mib": sum(ended) * held,
            "stream_mib_per_s": streams[0].rate(begin, end) if way == "cache-heavy" else None,
            "ls_oom_kills": service.oom_killed(), "p50_ms": during["p50_ms"], "ls_p99_ms": during["p99_ms"],
            "features": bench.features(self.tideline, "memoryRelief."), "events": told,
        }

    def until_calm(self):
        """A rung is left ten seconds after its cause at most."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            time.sleep(12)
            told = events(self.tideline, now_ms() - 11_000)
            if not any(event["controller"] == "memory-relief" for event in told):
                return
        say("relief is not calm after a minute")


def work(made):
    if not has_page_cache(made.scratch):
        raise Unusable(f"needs a disk below {made.scratch}: TMPDIR=DIR")
    ways = [way for way in WAYS if way in made.options.ways.split(",")]
    bench = Bench(made)
    bench.add_batch()
    tideline = bench.start_tideline(policy(made.options))
    bench.remove_batch()
    try:
        done = lab.rounds(made.options, ways, Relief(bench, tideline).run)
    finally:
        tideline.stop()
    print(f"{made.options.rounds} rounds of {made.options.seconds:g} s; {made.options.tree_mib} MiB for all pods, the service "
          f"holds {made.options.service:.0%}, threshold {made.options.threshold} %. Rungs: "
          + ", ".join(f"{number} {name}" for number, name in enumerate(RUNGS)) + ".")
    print_table(done, ways, COLUMNS)
    for way in ways:
        reasons = {}
        for runs in done:
            for reason, count in runs[way]["reasons"].items():
                reasons[reason] = reasons.get(reason, 0) + count
        print(f"{way}: " + (", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items())) or "no event"))
    write_json(made.options, "memory_relief", done)


if __name__ == "__main__":
    arguments = parser(__doc__, seconds=40, rounds=3)
    arguments.add_argument("--ways", default=",".join(WAYS), help=f"of {', '.join(WAYS)} (default: all)")
    sys.exit(lab.main(arguments.parse_args(), work))
