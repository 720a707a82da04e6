import argparse
import os

from .batch import KINDS

DESCRIPTION = """\
Runs an online web service (nginx) beside batch work on this host, five ways, in interleaved rounds: alone; batch as a
Burstable pod; as an unmanaged BestEffort pod; under Tideline's threshold; under Tideline's work-conserving mode.
Prints latencies as an open-loop client sees them, and what the batch got done."""


def parse(arguments):
    parser = argparse.ArgumentParser(prog="deploy/demo.sh", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="deploy/demo.sh --quick is what CI runs: it fails on faults, never on a "
                                            "latency.")
    parser.add_argument("--quick", action="store_true", help="one short round, about 45 s")
    parser.add_argument("--rounds", type=positive_int, help="rounds of all five modes (default 7; quick 1)")
    parser.add_argument("--seconds", type=positive, help="counted part of a run (default 12; quick 3)")
    parser.add_argument("--warm-up", type=positive, help="seconds before it (default 2; quick 1)")
    parser.add_argument("--batch", choices=sorted(KINDS), default="stress-ng", help="the batch work")
    parser.add_argument("--rps", type=positive_int, help="requests a second (default: nginx at about 27 %% of the host)")
    parser.add_argument("--seed", type=int, default=1, help="of the order of modes (default 1)")
    parser.add_argument("--gate", type=positive, help="longest wait for a quiet host before a run, seconds "
                                                      "(default 60; quick 1)")
    parser.add_argument("--simulate", action="store_true", help="use the simulated host tree even with root")
    parser.add_argument("--bin", help="directory of built programs; default: build them (build/release/bin)")
    parser.add_argument("--output", help="directory for summary.json and logs (default build/demo)")
    options = parser.parse_args(arguments)
    quick = options.quick
    options.rounds = options.rounds or (1 if quick else 7)
    options.seconds = options.seconds or (3 if quick else 12)
    options.warm_up = options.warm_up or (1 if quick else 2)
    options.gate = options.gate or (1 if quick else 60)
    options.retries = 0 if quick else 2
    options.output = os.path.abspath(options.output)
    options.bin = os.path.abspath(options.bin)
    return options


def positive(text):
    value = float(text)
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not in (0, 3600]")
    return value


def positive_int(text):
    value = int(text)
    if not 0 < value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not in 1..1000000")
    return value
