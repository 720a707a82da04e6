#!/usr/bin/env python3
"""How often a service has to reclaim memory itself, with background reclaim of batch on and off.

Batch streams files, more than there is room for, so that the page cache fills the kubepods group. on: the agent takes
cache back from batch before the group is full (memoryRelief reclaim). off: it does not, and whoever needs a page when the
group is at its limit reclaims, the service too. Neither holds batch back (tighten off), so that the difference is of
reclaim alone. ladder: reclaim and tighten, as by default. Nobody is evicted in any way (memory eviction in dry run).
Needs root, a disk below $TMPDIR and no swap; leaves nothing.

What the kernel says: of the group how often it was at its limit (memory.failcnt, or max of memory.events), of the
service its major faults and pages read again, its own PSI where cgroup v2 has one, and else that of the host; and the
host's allocstall, which counts global reclaim alone and stays 0 where only a group is full. What the first seconds of the
stream (--warm-up) took from the service stands in columns of its own: later figures rest on it.
"""

import contextlib
import subprocess
import sys
import time

import lab
from memory_relief import Stream
from tideline_demo.tideline import now_ms
from memory_tree import (KUBEPODS, MIB, SERVICE, Bench, Sampler, Service, Unusable, has_page_cache, host_stall_us,
                         memory_load, parser, policy, print_table, quantile, relief_of, settled_events, stop, vmstat,
                         write_json)

QUIET_SECONDS = 2  # the service alone, so that what it reads at its start is not counted as taken from it
WAYS = ("on", "off", "ladder")
COLUMNS = {
    "p50_ms": ("LS p50 ms", "{:.3f}", "median"),
    "p99_ms": ("LS p99 ms [95 %]", "{:.3f}", "median"),
    "max_ms": ("max ms", "{:.1f}", "median"),
    "limit_hits_per_s": ("limit hits/s", "{:.1f}", "median"),
    "ls_stall_ms_per_s": ("LS stall ms/s", "{:.2f}", "median"),
    "host_stall_ms_per_s": ("host stall ms/s", "{:.2f}", "median"),
    "allocstall_per_s": ("allocstall/s", "{:.2f}", "median"),
    "ls_faults_per_s": ("LS major faults/s", "{:.2f}", "median"),
    "ls_refaults_per_s": ("LS refaults/s", "{:.1f}", "median"),
    "first_faults": ("major faults at first", "{:.0f}", "median"),
    "first_p99_ms": ("p99 ms at first", "{:.3f}", "median"),
    "used_percent": ("used %", "{:.1f}", "median"),
    "full_percent": ("with cache %", "{:.1f}", "median"),
    "reclaimed_mib": ("reclaimed MiB", "{:.0f}", "median"),
    "stream_mib_per_s": ("streamed MiB/s", "{:.0f}", "median"),
}


class Stalls:
    def __init__(self, bench, tideline):
        self.bench = bench
        self.options = bench.options
        self.tideline = tideline

    def counters(self):
        memory = self.bench.memory
        faults = memory.stat(SERVICE, "pgmajfault")
        return {"limit_hits_per_s": memory.limit_hits(KUBEPODS), "ls_stall_ms_per_s": per_ms(memory.stall_us(SERVICE)),
                "host_stall_ms_per_s": per_ms(host_stall_us()), "allocstall_per_s": vmstat("allocstall"),
                "ls_faults_per_s": faults, "ls_refaults_per_s": memory.stat(SERVICE, "workingset_refault_file")}

    def run(self, way):
        bench, options = self.bench, self.options
        self.tideline.apply_policy(policy(options, reclaim=way != "off", tighten=way == "ladder", evict=False))
        bench.lab.gate()
        group = bench.add_batch()[0]
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(bench.remove_batch)
            self.tideline.write_pods(bench.pods())
            service = Service(bench, options.seconds + options.warm_up + 120)
            cleanup.callback(service.stop)
            time.sleep(QUIET_SECONDS)
            streams_from, at_first = time.monotonic(), self.counters()
            batch = memory_load(bench, "batch", group,
                                ["stream", "--directory", bench.lab.scratch, "--mib", options.tree_mib * 3 // 2, "--rate",
                                 options.rate, "--seconds", options.seconds + options.warm_up + 60], subprocess.PIPE)
            cleanup.callback(stop, batch)
            stream = Stream(batch)
            time.sleep(options.warm_up)
            sampler = Sampler(bench.memory)
            cleanup.callback(sampler.stop)
            wall_ms, begin, before = now_ms(), time.monotonic(), self.counters()
            full = []
            while time.monotonic() - begin < options.seconds:
                batch.check_alive()
                full.append(bench.memory.usage(KUBEPODS))
                time.sleep(0.5)
            end, after = time.monotonic(), self.counters()
            samples = sampler.stop()
            stop(batch)
            stream.reader.join()
            batch.popen.stdout.close()
            service.stop()
            told = settled_events(self.tideline, wall_ms)
        found = {key: None if before[key] is None or after[key] is None else (after[key] - before[key]) / (end - begin)
                 for key in before}
        size = options.tree_mib * MIB
        found["first_faults"] = before["ls_faults_per_s"] - at_first["ls_faults_per_s"]
        found["first_p99_ms"] = service.figures(streams_from, begin)["p99_ms"]
        return found | service.figures(begin, end) | {
            "used_percent": 100 * quantile([used for _, used, _ in samples], 0.5) / size,
            "full_percent": 100 * quantile(full, 0.5) / size, "reclaimed_mib": relief_of(told)["reclaimed_mib"],
            "stream_mib_per_s": stream.rate(begin, end), "events": told,
        }


def per_ms(microseconds):
    return None if microseconds is None else microseconds / 1000


def work(made):
    if not has_page_cache(made.scratch):
        raise Unusable(f"needs a disk below {made.scratch}: TMPDIR=DIR")
    bench = Bench(made)
    bench.add_batch()
    tideline = bench.start_tideline(policy(made.options, tighten=False, evict=False))
    bench.remove_batch()
    try:
        done = lab.rounds(made.options, WAYS, Stalls(bench, tideline).run)
    finally:
        tideline.stop()
    print(f"{made.options.rounds} interleaved rounds of {made.options.seconds:g} s; {made.options.tree_mib} MiB for all pods, "
          f"the service holds {made.options.service:.0%}, threshold {made.options.threshold} %; batch streams files of "
          f"{made.options.tree_mib * 3 // 2} MiB.")
    print_table(done, WAYS, COLUMNS)
    for key in ("p99_ms", "limit_hits_per_s", "ls_stall_ms_per_s", "host_stall_ms_per_s"):
        for way, what in (("on", "background reclaim"), ("ladder", "the ladder")):
            change = lab.change_percent(done, way, key, "off")
            if change is not None:
                print(f"{COLUMNS[key][0].split(' [')[0]}: {change:+.0f} % with {what}")
    write_json(made.options, "memory_stalls", done)


if __name__ == "__main__":
    arguments = parser(__doc__, seconds=20, rounds=7)
    arguments.set_defaults(warm_up=10)
    arguments.add_argument("--rate", type=float, default=0, help="MiB a second that batch streams; 0: as fast as it can")
    sys.exit(lab.main(arguments.parse_args(), work))
