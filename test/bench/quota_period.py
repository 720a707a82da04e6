#!/usr/bin/env python3
"""What a fixed CPU quota on batch costs a web service beside it, by the quota's period; and what cpu.idle would do.

The demo's tree, web service, batch and client without Tideline: nobody writes a quota after the start, so that only the
kernel's own throttling is seen. Prints medians over interleaved rounds. Needs root and cgroup v1; leaves nothing.
"""

import argparse
import contextlib
import os
import random
import shutil
import statistics
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/deploy/demo")

# pylint: disable=wrong-import-position
from tideline_demo import host
from tideline_demo.batch import StressNg
from tideline_demo.cgroups import Tree
from tideline_demo.node_tree import BEST_EFFORT, CLIENT, WEB, NodeTree
from tideline_demo.processes import adopt_orphans, end_children
from tideline_demo.web import Load, Web

# name: (QoS root of the batch, {file of the besteffort root: value}); quota values are of one period.
MODES = {
    "alone": ("", {}),
    "burstable": ("burstable", {}),
    "besteffort": ("besteffort", {}),
    "quota, 100 ms": ("besteffort", {"cpu.cfs_period_us": 100_000, "cpu.cfs_quota_us": 80_000}),
    "quota, 1 s": ("besteffort", {"cpu.cfs_period_us": 1_000_000, "cpu.cfs_quota_us": 800_000}),
    "cpu.idle": ("besteffort", {"cpu.idle": 1}),
}
ORIGINAL = (("cpu.cfs_quota_us", -1), ("cpu.cfs_period_us", 100_000), ("cpu.idle", 0), ("cpu.shares", 2))


def write(tree, file, value):
    with open(f"{tree.bases['cpu']}/{tree.name}/{BEST_EFFORT}/{file}", "w", encoding="ascii") as knob:
        knob.write(str(value))


def run(bench, name):
    root, files = MODES[name]
    tree, node_tree, options = bench.tree, bench.node_tree, bench.options
    host.wait_until_quiet(tree, 0.05 * node_tree.cpus, 30, print)
    batch = None
    groups = [WEB]
    if root:
        group = node_tree.add_batch(root, StressNg.container)
        groups.append(node_tree.batch)
        batch = StressNg(bench.scratch, f"{bench.scratch}/batch.log", node_tree.cpus, tree.process_files(group))
    try:
        for file, value in files.items():
            write(tree, file, value)
        load = Load(f"{options.bin}/tideline-loadgen", bench.web.port, f"{bench.scratch}/client.log",
                    tree.process_files(CLIENT), options.rps, 1.5, options.seconds)
        time.sleep(1.5)
        window = host.Window(tree, groups)
        time.sleep(options.seconds)
        measured = window.stop()
        client = load.result(60)
    finally:
        for file, value in ORIGINAL if files else ():
            write(tree, file, value)
        if batch:
            batch.stop()
        node_tree.remove_batch()
    cores = [used for group, used in measured["cores"].items() if group not in ("", WEB)]
    return (client["p50_ms"], client["p90_ms"], client["p99_ms"], measured["host_busy_percent"],
            cores[0] if cores else 0.0, measured["stolen_cores"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=f"{ROOT}/build/release/bin", help="directory of tideline-loadgen")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rps", type=int, default=670, help="requests a second")
    bench = argparse.Namespace(options=parser.parse_args())
    adopt_orphans()
    with contextlib.ExitStack() as cleanup:
        bench.scratch = tempfile.mkdtemp(prefix="tideline-bench-")
        cleanup.callback(shutil.rmtree, bench.scratch, ignore_errors=True)
        cleanup.callback(end_children)
        os.chmod(bench.scratch, 0o711)
        bench.tree = Tree(f"tideline-bench-{os.getpid()}")
        cleanup.callback(bench.tree.remove)
        if bench.tree.version != 1:
            print("skipped: needs cgroup v1")
            return 77
        bench.node_tree = NodeTree(bench.tree, host.cpu_count())
        os.mkdir(f"{bench.scratch}/web")
        bench.web = Web(f"{bench.scratch}/web", f"{bench.scratch}/nginx.log", max(2, host.cpu_count() // 2),
                        bench.tree.process_files(f"{WEB}/nginx"))
        cleanup.callback(bench.web.stop)
        found = {name: [] for name in MODES}
        for number in range(bench.options.rounds):
            order = list(MODES)
            random.Random(number).shuffle(order)
            for name in order:
                found[name].append(run(bench, name))
                print(f"round {number + 1} {name}: p99 {found[name][-1][2]:.2f} ms", file=sys.stderr)
    print(f"{'':15} {'p50 ms':>7} {'p90 ms':>7} {'p99 ms':>7} {'busy %':>7} {'batch cores':>12} {'stolen cores':>13}")
    for name, runs in found.items():
        p50, p90, p99, busy, batch, stolen = (statistics.median(column) for column in zip(*runs))
        print(f"{name:15} {p50:7.2f} {p90:7.2f} {p99:7.2f} {busy:7.0f} {batch:12.2f} {stolen:13.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
