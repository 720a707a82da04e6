#!/usr/bin/env python3
"""What a sample of history takes, in bytes and in CPU: Tideline, Prometheus and VictoriaMetrics with the same samples.

The samples are Bitbrains' VMs of July 2013 (435 of them, 14 days, every 300 s), moved in time so that they end two hours
ago, as whole millicores and bytes. Each store gets them by network, moment by moment, in a process of its own with an empty
directory, one store after the other on this machine. Tideline: the real coordinator; VMs are pods of hosts, a report of a
host has what its VMs have of one moment, goes over the real link (mutual TLS) as backfill, and the next one goes when it
is acked, which is when it is on the disk. The others: remote write, a request for each moment with a sample of each
series, the next one when it is answered; neither of them syncs its log before that. CPU is the process', user and system.

As a fleet of today sends them: --abreast 8 makes eight times as many VMs of them, --seconds-apart 1 --moments-of-report 10
moments of a second, ten of which an agent folds into one report. Tideline then keeps min, mean and max of ten seconds, the
others each second.

Sizes are taken when a store has come to rest. Prometheus compacts while it is fed; what it keeps in memory and in its log
by then is written as a block by a snapshot of its admin API, and the size is that of all blocks. VictoriaMetrics is told
to merge, and ended. Tideline has folded all hours; reports are kept, and are told apart from the tables.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/deploy/demo")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
from remote_write import Missing, Sender, Series, Snappy, sample_bytes, stamp_bytes
from tideline_demo.faults import Fault
from tideline_demo.processes import Process, adopt_orphans, end_children, wait_for
from tideline_demo.report import aligned

TICK = os.sysconf("SC_CLK_TCK")
KEEP = "400d"
FEED_PATIENCE = 7200
COLUMNS = {"all": ("cpu_request_millicores", "memory_request_bytes", "cpu_used_millicores", "memory_used_bytes"),
           "used": ("cpu_used_millicores", "memory_used_bytes"),
           "allocated": ("cpu_request_millicores", "memory_request_bytes")}
SKIPPED = 77
# Of this project, looked for at the start: the first is needed after minutes only.
PROGRAMS = ("tideline-history", "tideline-coordinator", "tideline-fleet", "bench_history_feed")
WANTED = {"prometheus": " (wanted: 5)"}


def say(text):
    print(text, file=sys.stderr, flush=True)


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak_mib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) / 1024


def tree_bytes(path):
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names
               if os.path.exists(os.path.join(folder, name)))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port, path, method="GET"):
    """-> the body; None while nobody answers well."""
    try:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def metric(port, name):
    """The sum of all samples of that name; 0 where there is none."""
    text = ask(port, "/metrics") or ""
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))


def at_rest(what, look, seconds, quiet):
    """Waits until look() has given the same for `quiet` seconds."""
    deadline = time.monotonic() + seconds
    seen, since = look(), time.monotonic()
    while time.monotonic() - since < quiet:
        if time.monotonic() > deadline:
            raise Fault(f"{what} did not come to rest within {seconds:.0f} s")
        time.sleep(0.5)
        now = look()
        if now != seen:
            seen, since = now, time.monotonic()


class Store:
    """What all have: a process that is fed, and what was measured of it."""

    name = ""

    def __init__(self, options, scratch):
        self.options = options
        self.scratch = f"{scratch}/{self.name}"
        os.mkdir(self.scratch)
        self.process = None

    def measure(self, samples, begin_s):
        """-> figures"""
        figures = {"store": self.name, "version": self.version()}
        self.start()
        idle = cpu_seconds(self.process)
        began = time.monotonic()
        self.feed(begin_s)
        figures["feed_seconds"] = time.monotonic() - began
        ingest = cpu_seconds(self.process) - idle
        say(f"{self.name}: fed in {figures['feed_seconds']:.1f} s, {ingest:.2f} s of CPU")
        self.settle()
        whole = cpu_seconds(self.process) - idle
        figures.update(ingest_cpu_s=ingest, whole_cpu_s=whole, samples_per_core_s=samples / max(ingest, 1 / TICK),
                       whole_samples_per_core_s=samples / max(whole, 1 / TICK), peak_mib=peak_mib(self.process))
        figures.update(self.sizes(samples, begin_s))
        figures["bytes_per_sample"] = figures["bytes"] / samples
        return figures


class Prometheus(Store):
    name = "prometheus"

    @staticmethod
    def missing():
        return None if shutil.which("prometheus") else "prometheus (package prometheus)"

    @staticmethod
    def version():
        done = subprocess.run(["prometheus", "--version"], capture_output=True, text=True, check=False)
        return " ".join((done.stdout + done.stderr).split()[:3])

    def start(self):
        config = f"{self.scratch}/prometheus.yml"
        with open(config, "w", encoding="ascii") as file:
            file.write("global: {}\n")
        self.port = free_port()
        self.data = f"{self.scratch}/data"
        self.process = Process(self.name, [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.data}",
            f"--storage.tsdb.retention.time={KEEP}", f"--web.listen-address=127.0.0.1:{self.port}",
            "--web.enable-remote-write-receiver", "--web.enable-admin-api", "--log.level=warn"],
            f"{self.scratch}/log")
        wait_for("Prometheus", 30, lambda: ask(self.port, "/-/ready"), [self.process])

    def feed(self, _):
        send_bodies(self.options.bodies, self.port, "/api/v1/write")

    def settle(self):
        at_rest("Prometheus", lambda: (metric(self.port, "prometheus_tsdb_compactions_total"),
                                       metric(self.port, "prometheus_tsdb_blocks_loaded")),
                self.options.settle, self.options.quiet)

    def sizes(self, samples, _):
        live = tree_bytes(self.data)
        made = ask(self.port, "/api/v1/admin/tsdb/snapshot", "POST")
        if made is None:
            raise Fault("Prometheus makes no snapshot")
        blocks = f"{self.data}/snapshots/{json.loads(made)['data']['name']}"
        metas = []
        for block in os.listdir(blocks):
            with open(f"{blocks}/{block}/meta.json", encoding="ascii") as file:
                metas.append(json.load(file))
        stored = sum(meta["stats"]["numSamples"] for meta in metas)
        if stored != samples:
            raise Fault(f"Prometheus has {stored} of {samples} samples")
        return {"bytes": tree_bytes(blocks), "disk_bytes": live, "blocks": len(metas)}


class VictoriaMetrics(Store):
    name = "victoria-metrics"

    @staticmethod
    def missing():
        return None if shutil.which("victoria-metrics") else "victoria-metrics (package victoria-metrics)"

    @staticmethod
    def version():
        done = subprocess.run(["victoria-metrics", "-version"], capture_output=True, text=True, check=False)
        told = " ".join((done.stdout + done.stderr).split()[:2])
        if told:
            return told
        # Debian's build does not know its own.
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "victoria-metrics"], capture_output=True,
                              text=True, check=False)
        return done.stdout

    def start(self):
        self.port = free_port()
        self.data = f"{self.scratch}/data"
        self.process = Process(self.name, [
            "victoria-metrics", f"-storageDataPath={self.data}", f"-retentionPeriod={KEEP}",
            f"-httpListenAddr=127.0.0.1:{self.port}", "-loggerLevel=ERROR"], f"{self.scratch}/log")
        wait_for("VictoriaMetrics", 30, lambda: ask(self.port, "/health"), [self.process])

    def feed(self, _):
        send_bodies(self.options.bodies, self.port, "/api/v1/write")

    def settle(self):
        ask(self.port, "/internal/force_flush")
        ask(self.port, "/internal/force_merge")
        at_rest("VictoriaMetrics", lambda: (metric(self.port, "vm_parts"), metric(self.port, "vm_pending_rows"),
                                            metric(self.port, "vm_active_merges")),
                self.options.settle, self.options.quiet)

    def sizes(self, samples, _):
        taken = metric(self.port, "vm_rows_inserted_total")
        if taken != samples:
            raise Fault(f"VictoriaMetrics took {taken:.0f} of {samples} samples")
        if self.process.stop(signal.SIGTERM, 60) != 0:
            raise Fault("VictoriaMetrics did not end well")
        size = tree_bytes(self.data)
        return {"bytes": size, "disk_bytes": size}


class Tideline(Store):
    name = "tideline"

    @staticmethod
    def missing():
        return None

    def version(self):
        done = subprocess.run([f"{self.options.bin}/tideline-coordinator", "version"], capture_output=True, text=True,
                              check=False)
        return done.stdout.strip()

    def start(self):
        self.tls = f"{self.scratch}/tls"
        self.data = f"{self.scratch}/data"
        policy = f"{self.scratch}/policy"
        os.mkdir(policy)
        with open(f"{policy}/colocation-config.json", "w", encoding="ascii") as file:
            file.write('{"enable": true}')
        subprocess.run([f"{self.options.bin}/tideline-fleet", "certs", "--dir", self.tls, "--nodes",
                        str(self.options.trace["hosts"]), "--person", "admin:bench"], check=True,
                       stdout=subprocess.DEVNULL)
        ports = f"{self.scratch}/ports.json"
        self.process = Process(self.name, [
            f"{self.options.bin}/tideline-coordinator", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
            "--web-listen", "127.0.0.1:0", "--no-admin-socket", "--ports-file", ports, "--tls-cert",
            f"{self.tls}/server-coordinator.tideline.crt", "--tls-key", f"{self.tls}/server-coordinator.tideline.key",
            "--tls-ca", f"{self.tls}/ca.crt", "--data-dir", self.data, "--policy-source", f"dir:{policy}",
            "--log-level", "warn", "--retention", ",".join(f"{kind}={KEEP}" for kind in ("raw", "10s", "1m", "15m"))],
            f"{self.scratch}/log")
        wait_for("the coordinator's ports", 30, lambda: os.path.exists(ports), [self.process])
        with open(ports, encoding="ascii") as file:
            self.ports = json.load(file)

    def feed(self, begin_s):
        with subprocess.Popen(feed_command(self.options, begin_s) + [
                "feed", "--coordinator", f"127.0.0.1:{self.ports['node']}", "--certs", self.tls, "--patience",
                str(FEED_PATIENCE)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as feeding:
            try:
                # It would wait for a coordinator that has died.
                while feeding.poll() is None:
                    self.process.check_alive()
                    time.sleep(0.02)
            finally:
                feeding.kill()
            told, why = feeding.communicate()
        if feeding.returncode != 0:
            raise Fault(f"the feed: {told} {why}")
        self.fed = json.loads(told)

    def state(self):
        done = subprocess.run([
            f"{self.options.bin}/tidectl", "--address", f"127.0.0.1:{self.ports['admin']}", "--cert",
            f"{self.tls}/admin-bench.crt", "--key", f"{self.tls}/admin-bench.key", "--ca", f"{self.tls}/ca.crt", "--json",
            "history", "state"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Fault(f"tidectl history state: {done.stdout} {done.stderr}")
        return json.loads(done.stdout)

    def settle(self):
        # The last moment's hour is over for more than the ten minutes after which it is folded.
        def folded():
            time.sleep(0.5)
            return metric(self.ports["web"], "tideline_history_folded_reports_total") >= self.fed["acked"]

        wait_for("the last report to be folded", self.options.settle, folded, [self.process])
        at_rest("the store", lambda: tree_bytes(f"{self.data}/history"), self.options.settle, self.options.quiet)

    def sizes(self, samples, begin_s):
        state = self.state()
        if self.process.stop(signal.SIGTERM, 60) != 0:
            raise Fault("the coordinator did not end well")
        store = f"{self.data}/history"
        if state["problem"] or state["lateReports"]:
            raise Fault(f"history is not well: {json.dumps(state)}")
        tiers = {tier["tier"]: tier["diskBytes"] for tier in state["tiers"]}
        figures = {"bytes": sum(tiers.values()), "disk_bytes": tree_bytes(store), "tier_bytes": tiers,
                   "reports": self.fed["acked"], "hosts": self.options.trace["hosts"]}
        checked = subprocess.run(feed_command(self.options, begin_s) + ["check", store], capture_output=True, text=True,
                                 check=False)
        if checked.returncode != 0:
            raise Fault(f"the store against the samples: {checked.stdout} {checked.stderr}")
        figures["against_samples"] = json.loads(checked.stdout)
        archive = f"{self.scratch}/history.tla"
        exported = subprocess.run([f"{self.options.bin}/tideline-history", "export", store, "--since", KEEP, "--tier", "1m", "-o",
                                   archive], capture_output=True, text=True, check=False)
        if exported.returncode != 0:
            raise Fault(f"tideline-history export: {exported.stdout} {exported.stderr}")
        figures["archive_bytes"] = os.path.getsize(archive)
        scan = subprocess.run([f"{self.options.bin}/bench_archive_scan", archive], capture_output=True, text=True, check=False)
        figures["archive_scan"] = scan.stdout.strip().splitlines()[-1].split() if scan.returncode == 0 else []
        return figures


STORES = {store.name: store for store in (Tideline, Prometheus, VictoriaMetrics)}


def feed_command(options, begin_s):
    return [f"{options.bin}/bench_history_feed", *(["--trace", options.csv] if options.csv else []), "--vms",
            str(options.vms), "--moments", str(options.moments), "--vms-per-host", str(options.vms_per_host), "--begin",
            str(begin_s), "--columns", options.columns, "--abreast", str(options.abreast), "--seconds-apart",
            str(options.seconds_apart), "--moments-of-report", str(options.moments_of_report)]


def make_bodies(options, begin_s):
    """A WriteRequest for each --moments-of-request, snappy and all, one behind the other with their lengths."""
    snappy = Snappy()
    series = {}
    hosts = {}
    request, parts, count = None, {}, 0

    def flush(out):
        if parts:
            body = snappy.compress(b"".join(one.samples(samples) for one, samples in parts.items()))
            out.write(len(body).to_bytes(4, "little") + body)
            parts.clear()

    with open(options.rows, encoding="ascii") as lines, open(options.bodies, "wb") as out:
        for line in lines:
            fields = line.split()
            moment = int(fields[0])
            if moment // options.moments_of_request != request:
                flush(out)
                request = moment // options.moments_of_request
            stamp = stamp_bytes((begin_s + (moment + 1) * options.seconds_apart) * 1000)
            of_vm = series.get(fields[1])
            if of_vm is None:
                host = hosts.setdefault(fields[1], f"host-{len(hosts) // options.vms_per_host:03}")
                of_vm = series[fields[1]] = [Series(f"vm_{name}", {"vm": fields[1], "host": host, "namespace": "bitbrains"})
                                             for name in COLUMNS[options.columns]]
            for one, value in zip(of_vm, fields[2:]):
                parts.setdefault(one, []).append(sample_bytes(float(value), stamp))
                count += 1
        flush(out)
    return count


def send_bodies(bodies, port, path):
    sender = Sender(port, path)
    with open(bodies, "rb") as file:
        while True:
            length = file.read(4)
            if not length:
                break
            sender.send(file.read(int.from_bytes(length, "little")))
    sender.close()


def table(all_figures, samples):
    rows = [["store", "B/sample", "disk MiB", "feed s", "CPU s", "samples/s/core", "with compaction, CPU s",
             "samples/s/core ", "peak MiB"]]
    for f in all_figures:
        rows.append([f["store"], f"{f['bytes_per_sample']:.3f}", f"{f['disk_bytes'] / 2**20:.1f}", f"{f['feed_seconds']:.1f}",
                     f"{f['ingest_cpu_s']:.2f}", f"{f['samples_per_core_s']:.0f}", f"{f['whole_cpu_s']:.2f}",
                     f"{f['whole_samples_per_core_s']:.0f}", f"{f['peak_mib']:.0f}"])
    lines = aligned(rows)
    own = next((f for f in all_figures if f["store"] == Tideline.name), None)
    if own is None:
        return lines
    tiers = ", ".join(f"{tier} {size / samples:.3f}" for tier, size in own["tier_bytes"].items())
    lines += ["", f"tideline, B/sample: {tiers}, all tiers {own['bytes_per_sample']:.3f}; with the reports "
              f"{own['disk_bytes'] / samples:.3f}; the 1m tier as an archive {own['archive_bytes'] / samples:.3f}"]
    if own["archive_scan"]:
        lines.append(f"of that archive, B/sample by bench_archive_scan: use only {own['archive_scan'][-2]}, allocations only "
                     f"{own['archive_scan'][-1]}")
    for field, off in own["against_samples"].items():
        lines.append(f"{field}: {off['there']} samples there, {off['missing']} missing, at most "
                     f"{off['worstOfVm'] * 100:.4f} % of the VM's and {off['worstOfHost'] * 100:.4f} % of the host's capacity "
                     "off")
    for f in all_figures:
        if f is not own:
            fed = own["samples_per_core_s"] / f["samples_per_core_s"]
            whole = own["whole_samples_per_core_s"] / f["whole_samples_per_core_s"]
            lines.append(f"samples/s/core: tideline {fed:.1f} times {f['store']}'s while it is fed, {whole:.1f} times with "
                         f"folding and compaction{WANTED.get(f['store'], '')}")
    return lines


def run(options, scratch):
    options.csv = options.csv or ""
    options.rows = f"{scratch}/rows"
    made = subprocess.run(feed_command(options, 0) + ["rows", options.rows], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise Fault(f"the samples: {made.stdout} {made.stderr}")
    options.trace = json.loads(made.stdout)
    length = options.seconds_apart * options.moments_of_report
    reports = -(-options.trace["moments"] // options.moments_of_report)
    begin_s = (int(time.time()) - 2 * 3600) // length * length - reports * length
    samples = options.trace["samples"]
    say(f"{options.trace['vms']} VMs on {options.trace['hosts']} hosts, {options.trace['moments']} moments, {samples} samples")
    chosen = []
    for name in options.stores.split(","):
        lacks = STORES[name].missing()
        if lacks:
            say(f"{name}: left out, needs {lacks}")
        else:
            chosen.append(STORES[name])
    if any(store is not Tideline for store in chosen):
        options.bodies = f"{scratch}/bodies"
        count = make_bodies(options, begin_s)
        if count != samples:
            raise Fault(f"{count} samples were made into requests, of {samples}")
    figures = []
    for store in chosen:
        try:
            figures.append(store(options, scratch).measure(samples, begin_s))
        finally:
            end_children()
        say(f"{figures[-1]['store']} ({figures[-1]['version']}): {figures[-1]['bytes_per_sample']:.3f} B/sample")
    return {"columns": options.columns, "abreast": options.abreast, "seconds_apart": options.seconds_apart,
            "moments_of_report": options.moments_of_report, "moments_of_request": options.moments_of_request,
            "trace": options.trace, "stores": figures}


def trace_of(options):
    if options.csv:
        return options.csv
    traces = os.environ.get("TIDELINE_TRACES", f"{ROOT}/../shared/traces")
    return f"{traces}/dev-bitbrains-rnd-2013-07/vm_usage_14d.csv.gz"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.environ.get("TIDELINE_BIN", f"{ROOT}/build/release/bin"),
                        help="directory of built programs (default: $TIDELINE_BIN, else build/release/bin)")
    parser.add_argument("--csv", help="vm_usage_14d.csv.gz (default: below $TIDELINE_TRACES, else ../shared/traces)")
    parser.add_argument("--stores", default=",".join(STORES), help="which, in this order (default: %(default)s)")
    parser.add_argument("--columns", default="all", choices=sorted(COLUMNS), help="which of a VM are samples")
    parser.add_argument("--vms", type=int, default=0, help="the first so many; 0: all")
    parser.add_argument("--moments", type=int, default=0, help="the first so many of 300 s; 0: all")
    parser.add_argument("--vms-per-host", type=int, default=30, help="pods of a report to Tideline")
    parser.add_argument("--abreast", type=int, default=1, metavar="N",
                        help="the same samples as of N times as many VMs, over an Nth of the time (default: 1)")
    parser.add_argument("--seconds-apart", type=int, default=300, metavar="S",
                        help="how far apart the stores are told that moments are (default: 300)")
    parser.add_argument("--moments-of-report", type=int, default=1, metavar="N",
                        help="moments that Tideline gets as agents send them: one report with min, mean and max of what a "
                        "pod used in them, and what the host used in each (default: 1)")
    parser.add_argument("--moments-of-request", type=int, default=1, metavar="N",
                        help="moments that the others get in one request, samples of a series together (default: 1)")
    parser.add_argument("--settle", type=float, default=1800, help="seconds at most in which a store comes to rest")
    parser.add_argument("--quiet", type=float, default=15, help="seconds without a change that are rest")
    parser.add_argument("--dir", help="where the stores' directories are made, and removed (default: a temporary one)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    unknown = [name for name in options.stores.split(",") if name not in STORES]
    if unknown:
        parser.error(f"--stores {unknown[0]}: want some of {', '.join(STORES)}")
    absent = [name for name in PROGRAMS if not os.access(f"{options.bin}/{name}", os.X_OK)]
    if absent:
        parser.error(f"--bin {options.bin}: no {', '.join(absent)}, which a build with -DTIDELINE_TESTS=all makes")
    options.csv = trace_of(options)
    if not os.path.exists(options.csv):
        print(f"skipped: needs Bitbrains' trace in {options.csv} (TIDELINE_TRACES)")
        return SKIPPED
    adopt_orphans()
    with contextlib.ExitStack() as cleanup:
        scratch = tempfile.mkdtemp(prefix="tideline-peers-", dir=options.dir)
        cleanup.callback(shutil.rmtree, scratch, ignore_errors=True)
        cleanup.callback(end_children)
        try:
            figures = run(options, scratch)
        except Missing as missing:
            print(f"skipped: needs {missing}")
            return SKIPPED
        except Fault as fault:
            print(f"history_peers.py: {fault}", file=sys.stderr)
            return 1
    print("\n".join(table(figures["stores"], figures["trace"]["samples"])))
    if options.json:
        with open(options.json, "w", encoding="ascii") as file:
            json.dump(figures, file, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
