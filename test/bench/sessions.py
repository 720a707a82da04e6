#!/usr/bin/env python3
"""What node sessions cost the coordinator, and how long durable acks take: steady, and under what hurts most.

Per size: half of the nodes come within 20 s; the other half at once while the first is measured (storm); all report
(steady); a new policy goes to all (policy); the second half is killed at one instant (loss). Nodes are
`tideline-fleet bench`: real mutual TLS, sessions and reports, no host behind them. Client and coordinator share this
machine. The ack's time is of the first half, in the storm and after the loss, else of all: the worse of both halves.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/deploy/demo")

# pylint: disable=wrong-import-position
from tideline_demo.faults import Fault
from tideline_demo.processes import Process, adopt_orphans, end_children, wait_for
from tideline_demo.report import aligned

TICK = os.sysconf("SC_CLK_TCK")
ROW_SECONDS = 1
COLOCATION = '{"enable": true, "cpuReclaimThresholdPercent": 70}'


class Fleet:
    """One tideline-fleet and the rows it printed, each with the time at which it came."""

    def __init__(self, options, scratch, port, first, nodes, spread, name):
        command = [f"{options.bin}/tideline-fleet", "bench", "--coordinator", f"127.0.0.1:{port}",
                   "--certs", f"{scratch}/tls", "--first", first, "--nodes", nodes, "--pods", options.pods,
                   "--interval", options.interval, "--spread", spread, "--for", "0", "--row", f"{ROW_SECONDS}s", "--json"]
        self.nodes = nodes
        self.rows = []
        self.process = Process(name, command, f"{scratch}/{name}.log", stdout=subprocess.PIPE)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.popen.stdout:
            self.rows.append((time.monotonic(), json.loads(line)))

    def sessions(self):
        return self.rows[-1][1]["sessions"] if self.rows else 0

    def worst(self, begin, end):
        """-> (reports acked, highest p99 of a second, longest time) of the rows in between, ms."""
        rows = [row for at, row in list(self.rows) if begin < at <= end and row["kind"] == "row" and row["acked"]]
        return (sum(row["acked"] for row in rows), max((row["ackMs"]["p99"] for row in rows), default=0.0),
                max((row["ackMs"]["max"] for row in rows), default=0.0))

    def p99(self, begin, end):
        """Of the stretch: the median of its seconds' p99, ms."""
        values = sorted(row["ackMs"]["p99"] for at, row in list(self.rows)
                        if begin < at <= end and row["kind"] == "row" and row["acked"])
        return values[len(values) // 2] if values else 0.0

    def end(self):
        """-> what it says of the whole run."""
        self.process.stop(signal.SIGTERM, 60)
        self.reader.join(10)
        whole = [row for _, row in self.rows if row["kind"] == "whole"]
        if not whole:
            raise Fault(f"{self.process.name} said nothing of the whole run")
        return whole[-1]


class Coordinator:
    def __init__(self, options, scratch):
        self.policy = f"{scratch}/policy"
        os.mkdir(self.policy)
        self.write("colocation-config", COLOCATION)
        ports = f"{scratch}/ports.json"
        tls = f"{scratch}/tls"
        self.process = Process(
            "tideline-coordinator",
            [f"{options.bin}/tideline-coordinator", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
             "--web-listen", "127.0.0.1:0", "--no-admin-socket", "--ports-file", ports,
             "--tls-cert", f"{tls}/server-coordinator.tideline.crt", "--tls-key",
             f"{tls}/server-coordinator.tideline.key", "--tls-ca", f"{tls}/ca.crt", "--data-dir", f"{scratch}/data",
             "--policy-source", f"dir:{self.policy}"], f"{scratch}/coordinator.log")
        wait_for("the coordinator's ports", 20, lambda: os.path.exists(ports), [self.process])
        with open(ports, encoding="ascii") as file:
            self.port = json.load(file)["node"]

    def write(self, key, text):
        fresh = f"{self.policy}/.{key}"
        with open(fresh, "w", encoding="ascii") as file:
            file.write(text)
        os.rename(fresh, f"{self.policy}/{key}.json")

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory_mib(self, field):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(field)) / 1024


def say(text):
    print(text, file=sys.stderr, flush=True)


def until(what, seconds, condition, processes):
    begin = time.monotonic()
    wait_for(what, seconds, condition, processes)
    return time.monotonic() - begin


def run(options, nodes):
    """-> figures of one size."""
    figures = {"nodes": nodes}
    with contextlib.ExitStack() as cleanup:
        scratch = tempfile.mkdtemp(prefix="tideline-bench-")
        cleanup.callback(shutil.rmtree, scratch, ignore_errors=True)
        cleanup.callback(end_children)
        subprocess.run([f"{options.bin}/tideline-fleet", "certs", "--dir", f"{scratch}/tls", "--nodes", str(nodes)],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        coordinator = Coordinator(options, scratch)
        half = nodes // 2
        first = Fleet(options, scratch, coordinator.port, 0, half, options.spread, "fleet-1")
        running = [coordinator.process, first.process]
        until("the first half", 300, lambda: first.sessions() == half, running)
        time.sleep(options.settle)

        begin = time.monotonic()
        cpu = coordinator.cpu_seconds()
        second = Fleet(options, scratch, coordinator.port, half, nodes - half, "0", "fleet-2")
        running.append(second.process)
        figures["storm_seconds"] = until("the second half", 300, lambda: second.sessions() == nodes - half, running)
        figures["storm_cores"] = (coordinator.cpu_seconds() - cpu) / (time.monotonic() - begin)
        end = time.monotonic() + ROW_SECONDS
        time.sleep(options.settle)  # the last row comes after its second
        _, figures["storm_p99_ms"], figures["storm_max_ms"] = first.worst(begin, end)

        say(f"{nodes} nodes: steady for {options.seconds} s")
        begin, cpu = time.monotonic(), coordinator.cpu_seconds()
        time.sleep(options.seconds)
        end = time.monotonic()
        figures["steady_cores"] = (coordinator.cpu_seconds() - cpu) / (end - begin)
        figures["rss_mib"] = coordinator.memory_mib("VmRSS:")
        figures["reports_per_second"] = sum(fleet.worst(begin, end)[0] for fleet in (first, second)) / (end - begin)
        figures["p99_ms"] = max(fleet.p99(begin, end) for fleet in (first, second))
        figures["worst_p99_ms"] = max(fleet.worst(begin, end)[1] for fleet in (first, second))

        begin = time.monotonic()
        told = {fleet: sum(row["policies"] for _, row in fleet.rows) for fleet in (first, second)}
        coordinator.write("resource-threshold-config", '{"clusterStrategy": {"enable": true}}')

        def all_told():
            return all(sum(row["policies"] for _, row in list(fleet.rows)) >= told[fleet] + fleet.nodes
                       for fleet in (first, second))

        figures["policy_seconds"] = until("the policy on all nodes", 120, all_told, running)
        end = time.monotonic() + ROW_SECONDS
        time.sleep(options.settle)
        figures["policy_p99_ms"] = max(fleet.worst(begin, end)[1] for fleet in (first, second))

        begin = time.monotonic()
        second.process.stop(signal.SIGKILL)
        running.remove(second.process)
        time.sleep(min(10, options.settle + 5))
        _, figures["loss_p99_ms"], figures["loss_max_ms"] = first.worst(begin, time.monotonic())
        figures["peak_mib"] = coordinator.memory_mib("VmHWM:")
        whole = first.end()
        figures["first_half"] = {key: whole[key] for key in ("made", "acked", "open", "refused", "lost", "missed")}
        if whole["made"] != whole["acked"] or whole["lost"]:
            raise Fault(f"{nodes} nodes: sessions or reports of the first half were lost: {json.dumps(whole)}")
        coordinator.process.check_alive()
        if coordinator.process.stop(signal.SIGTERM, 30) != 0:
            raise Fault("the coordinator did not end well")
    return figures


def table(all_figures):
    rows = [["nodes", "reports/s", "cores", "RSS MiB", "peak MiB", "ack p99 ms", "worst second", "storm s",
             "storm cores", "storm p99", "policy s", "policy p99", "loss p99", "loss max"]]
    for f in all_figures:
        rows.append([str(f["nodes"]), f"{f['reports_per_second']:.0f}", f"{f['steady_cores']:.2f}",
                     f"{f['rss_mib']:.0f}", f"{f['peak_mib']:.0f}", f"{f['p99_ms']:.0f}", f"{f['worst_p99_ms']:.0f}",
                     f"{f['storm_seconds']:.1f}", f"{f['storm_cores']:.2f}", f"{f['storm_p99_ms']:.0f}",
                     f"{f['policy_seconds']:.1f}", f"{f['policy_p99_ms']:.0f}", f"{f['loss_p99_ms']:.0f}",
                     f"{f['loss_max_ms']:.0f}"])
    return aligned(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.environ.get("TIDELINE_BIN", f"{ROOT}/build/release/bin"),
                        help="directory of built programs (default: $TIDELINE_BIN, else build/release/bin)")
    parser.add_argument("--sizes", default="1000,5000,10000", help="numbers of nodes, at least 2 each")
    parser.add_argument("--pods", type=int, default=30, help="of each node")
    parser.add_argument("--interval", default="10s", help="of each node's reports")
    parser.add_argument("--spread", default="20s", help="over which the first half comes")
    parser.add_argument("--seconds", type=float, default=60, help="of the steady state")
    parser.add_argument("--settle", type=float, default=12, help="seconds between two stretches")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    adopt_orphans()
    figures = []
    try:
        for nodes in (int(size) for size in options.sizes.split(",")):
            figures.append(run(options, nodes))
            say("\n".join(table(figures[-1:])))
    except Fault as fault:
        print(f"sessions.py: {fault}", file=sys.stderr)
        return 1
    print("\n".join(table(figures)))
    if options.json:
        with open(options.json, "w", encoding="ascii") as file:
            json.dump(figures, file, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
