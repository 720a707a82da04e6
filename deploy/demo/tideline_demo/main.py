"""Wires the parts, prints the result, and leaves nothing behind."""

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time

from . import host, report
from .batch import KINDS
from .cgroups import Tree
from .experiment import Experiment
from .faults import Fault, Unusable
from .modes import MODES, pods, policy_documents
from .node_tree import BEST_EFFORT, BURSTABLE, CLIENT, DAEMONS, KUBEPODS, WEB, NodeTree
from .options import parse
from .processes import adopt_orphans, end_children
from .simulation import simulate
from .tideline import Tideline
from .web import Web


class Interrupted(BaseException):
    pass


def say(text):
    print(text, flush=True)


def main():
    options = parse(sys.argv[1:])

    def interrupted(number, _frame):
        raise Interrupted(signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    started = time.monotonic()
    adopt_orphans()
    try:
        with contextlib.ExitStack() as cleanup:
            try:
                code = run(options, cleanup)
            finally:
                # From here on nothing interrupts the cleaning up.
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)
    except Fault as fault:
        print(f"demo: fault: {fault}", file=sys.stderr)
        print(f"demo: logs are in {options.output}/logs", file=sys.stderr)
        return 1
    except Interrupted as stop:
        print(f"demo: ended by {stop}; everything it started is gone", file=sys.stderr)
        return 130
    say(f"Took {time.monotonic() - started:.0f} s.")
    return code


def run(options, cleanup):
    for program in ("tideline-coordinator", "tideline-node", "tidectl", "tideline-loadgen"):
        if not os.access(f"{options.bin}/{program}", os.X_OK):
            raise Fault(f"{options.bin}/{program} is not there; without --bin deploy/demo.sh builds it")
    logs = f"{options.output}/logs"
    shutil.rmtree(logs, ignore_errors=True)
    os.makedirs(logs)
    scratch = tempfile.mkdtemp(prefix="tideline-demo-")
    cleanup.callback(shutil.rmtree, scratch, ignore_errors=True)
    cleanup.callback(end_children)  # after what stops them in good order, before their files go
    os.chmod(scratch, 0o711)  # nginx' workers pass through it as nobody

    reason = "asked for with --simulate" if options.simulate else None
    if not reason and os.geteuid() != 0:
        reason = "this is not root"
    if not reason:
        try:
            tree = Tree(f"tideline-demo-{os.getpid()}")
        except Unusable as unusable:
            reason = str(unusable)
    if reason:
        return simulate(options, cleanup, scratch, logs, reason, say, conclude)
    cleanup.callback(tree.remove)
    return measure(options, cleanup, scratch, logs, tree)


def measure(options, cleanup, scratch, logs, tree):
    cpus = host.cpu_count()
    environment = host.describe() | {"cgroup": f"v{tree.version}"}
    say(f"Host: {environment['cpu_model']}, {cpus} CPUs, kernel {environment['kernel']}, cgroup {environment['cgroup']}")
    node_tree = NodeTree(tree, cpus)
    web_directory = f"{scratch}/web"
    os.mkdir(web_directory)
    web = Web(web_directory, f"{logs}/nginx.log", max(2, cpus // 2), tree.process_files(f"{WEB}/nginx"))
    cleanup.callback(web.stop)
    say(f"nginx serves on 127.0.0.1:{web.port}; weights: burstable root {tree.shares_text(BURSTABLE)}, "
        f"besteffort root {tree.shares_text(BEST_EFFORT)}, client {tree.shares_text(CLIENT)}")

    tideline = Tideline(options.bin, scratch, logs, f"{tree.name}/{KUBEPODS}", tree.process_files(DAEMONS))
    cleanup.callback(tideline.stop)
    tideline.begin(policy_documents(MODES[0]), pods(MODES[0], cpus, KINDS[options.batch].container))
    say("Tideline runs with mutual TLS on loopback, in every mode: where it is not to act (alone, burstable, "
        "besteffort) its policy says enable=false and it measures only, so its own CPU is in all rows.")

    experiment = Experiment(options, node_tree, web, tideline, scratch, logs, say)
    experiment.calibrate()
    say(f"{options.rounds} round(s) of {len(MODES)} modes, {options.warm_up:g} + {options.seconds:g} s a run, "
        f"{experiment.rps} requests a second, batch: {experiment.batch_kind.what}")
    rounds = experiment.rounds()
    return conclude(options, environment, experiment, tideline, rounds, report.MEASURED)


def conclude(options, environment, experiment, tideline, rounds, kind):
    """Prints and writes the result; kind: report.MEASURED or report.SIMULATED."""
    simulated = kind == report.SIMULATED
    summary, rows = report.table_rows(rounds, experiment.batch_kind.unit)
    say(f"\n{kind}")
    for line in report.aligned(rows):
        say(line)
    sentences, figures = ([], {}) if simulated else report.findings(rounds)
    if not simulated:
        say("Latency from the intended send time (open loop). * = at least one run was disturbed by other work on this "
            "host, or by its hypervisor," + (" (quick: no retries)." if options.quick else " in three attempts, and kept."))
    for sentence in sentences:
        say(sentence)
    say(report.SEEDS)

    shown = rounds[-1]["threshold"]
    # With the start of the batch, so that the limit is seen to come.
    plot = tideline.plot(shown["begin_ms"] - int(1000 * options.warm_up), shown["end_ms"])
    say(f"\nOne run under threshold, as the coordinator's history has it (tidectl history --plot):\n{plot}")
    reclaimed = tideline.reclaimed()
    say("Reclaimed capacity (tidectl reclaimed). It rests on the last minutes, so on all modes: a Burstable batch is "
        f"high priority to it.\n{reclaimed}")

    path = f"{options.output}/summary.json"
    write_summary(path, {
        "simulated": simulated, "environment": environment,
        "options": {key: value for key, value in vars(options).items() if key not in ("bin", "output")},
        "requests_per_second": experiment.rps, "batch_work_unit": experiment.batch_kind.unit,
        "outside_limit_cores": experiment.outside_limit_cores,
        "stolen_limit_cores": experiment.stolen_limit_cores, "modes": summary, "findings": figures,
        "runs": [run for runs in rounds for run in runs.values()],
    })
    say(f"Figures of every run: {path}")
    return 0


def write_summary(path, contents):
    part = f"{path}.part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(contents, file, indent=1)
        file.write("\n")
    os.rename(part, path)
