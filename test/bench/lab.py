"""What the benchmarks of one mechanism share: the demo's tree, service, client and Tideline, and rounds of ways."""

import argparse
import contextlib
import dataclasses
import os
import random
import shutil
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/deploy/demo")

# pylint: disable=wrong-import-position
from tideline_demo import figures, host, report
from tideline_demo.cgroups import Tree
from tideline_demo.faults import Fault, Unusable
from tideline_demo.node_tree import DAEMONS, KUBEPODS, NodeTree
from tideline_demo.processes import adopt_orphans, end_children
from tideline_demo.tideline import Tideline

SKIPPED = 77


@dataclasses.dataclass
class Lab:
    options: argparse.Namespace
    cleanup: contextlib.ExitStack
    scratch: str
    tree: Tree
    node_tree: NodeTree
    tideline: Tideline

    def gate(self):
        """Waits for a quiet host, as long as is allowed."""
        host.wait_until_quiet(self.tree, 0.05 * self.node_tree.cpus, self.options.gate, say)

    def features(self, prefix):
        """-> {feature: "state: why"} as the node last reported."""
        status = self.tideline.node().get("status") or {}
        return {f["feature"]: f"{f['state']}: {f['why']}" for f in status.get("features", [])
                if f["feature"].startswith(prefix)}


def say(text):
    print(text, file=sys.stderr, flush=True)


def parser(description, seconds, warm_up):
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--bin", default=os.environ.get("TIDELINE_BIN", f"{ROOT}/build/release/bin"),
                      help="directory of built programs (default: $TIDELINE_BIN, else build/release/bin)")
    made.add_argument("--rounds", type=int, default=5, help="of all ways, in an order shuffled by the round's number")
    made.add_argument("--seconds", type=float, default=seconds, help=f"counted part of a run (default {seconds})")
    made.add_argument("--warm-up", type=float, default=warm_up, help=f"seconds before it (default {warm_up})")
    made.add_argument("--gate", type=float, default=30, help="longest wait for a quiet host before a run, seconds")
    return made


def main(options, work, more=()):
    """work(lab) on a tree with these further controllers. -> exit code."""
    adopt_orphans()
    try:
        with contextlib.ExitStack() as cleanup:
            scratch = tempfile.mkdtemp(prefix="tideline-bench-")
            cleanup.callback(shutil.rmtree, scratch, ignore_errors=True)
            cleanup.callback(end_children)
            os.chmod(scratch, 0o711)  # nginx' workers pass through it as nobody
            if os.geteuid() != 0:
                raise Unusable("this is not root")
            tree = Tree(f"tideline-bench-{os.getpid()}", more=more)
            cleanup.callback(tree.remove)
            node_tree = NodeTree(tree, host.cpu_count())
            tideline = Tideline(options.bin, scratch, scratch, f"{tree.name}/{KUBEPODS}", tree.process_files(DAEMONS))
            cleanup.callback(tideline.stop)
            work(Lab(options, cleanup, scratch, tree, node_tree, tideline))
    except Unusable as unusable:
        print(f"skipped: {unusable}")
        return SKIPPED
    except Fault as fault:
        print(f"broken: {fault}", file=sys.stderr)
        return 1
    return 0


def rounds(options, ways, run):
    """run(way) of each way once a round. -> [{way: figures}]"""
    done = []
    for number in range(options.rounds):
        order = list(ways)
        random.Random(number).shuffle(order)
        runs = {}
        for way in order:
            runs[way] = run(way)
            say(f"round {number + 1} {way}: " + ", ".join(f"{key} {value:.3g}" for key, value in runs[way].items()
                                                          if isinstance(value, (int, float))))
        done.append(runs)
    return done


def print_table(done, ways, columns):
    """columns: {figure's key: (head, format)}; medians over rounds, with 95 % intervals of what ends in p99_ms."""
    rows = [["", *(head for head, _ in columns.values())]]
    for way in ways:
        row = [way]
        for key, (_, form) in columns.items():
            figure = figures.median_of(way, key)
            value = figure(done)
            text = "-" if value is None else form.format(value)
            between = figures.interval(done, figure) if key.endswith("p99_ms") else None
            row.append(text + (f" [{form.format(between[0])}-{form.format(between[1])}]" if between else ""))
        rows.append(row)
    for line in report.aligned(rows):
        print(line)


def change_percent(done, way, key, against):
    return figures.change_percent(way, key, against)(done)
