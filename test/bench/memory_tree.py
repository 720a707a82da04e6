"""What the memory benchmarks share: a kubepods group of bounded memory, a service and batch in it, what the kernel says of
them each 10 ms, and Tideline beside them or nobody.

The group's limit is what is short: the host itself never is, and swap is off. Loads are `memory_load`, each bounded by
its own arguments.
"""

import collections
import json
import math
import os
import re
import signal
import subprocess
import threading
import time

import lab
from lab import figures, host, report
from tideline_demo.cgroups import BEST_EFFORT_SHARES
from tideline_demo.faults import Unusable
from tideline_demo.modes import WEB_UID
from tideline_demo.node_tree import BEST_EFFORT, DAEMONS, KUBEPODS, WEB
from tideline_demo.processes import Process, wait_for
from tideline_demo.tideline import NODE, Tideline

MIB = 1 << 20
SERVICE = f"{WEB}/nginx"  # the demo's name of the service's container
CONTAINER = "job"
SAMPLE_SECONDS = 0.01
# A node evicts nobody in its first 20 s.
PEACE_SECONDS = 22


def parser(description, seconds, rounds):
    made = lab.parser(description, seconds, warm_up=3)
    made.set_defaults(rounds=rounds)
    made.add_argument("--tree-mib", type=int, default=2048, help="memory of all pods (default 2048)")
    made.add_argument("--service", type=float, default=0.5, help="part of it that the service holds (default 0.5)")
    made.add_argument("--threshold", type=int, default=75, help="memoryEvictThresholdPercent (default 75)")
    made.add_argument("--peace", type=float, default=PEACE_SECONDS, help="seconds from the node's start to the first load")
    made.add_argument("--json", metavar="FILE", help="write all runs there too")
    return made


def meminfo_kib(key):
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(re.search(rf"^{key}:\s+(\d+)", file.read(), re.MULTILINE).group(1))


def vmstat(prefix):
    """Sum of the counters whose names begin so."""
    with open("/proc/vmstat", encoding="ascii") as file:
        return sum(int(value) for name, value in (line.split() for line in file) if name.startswith(prefix))


def host_stall_us():
    """Time in which some task of the host waited for memory; None: this kernel does not tell."""
    try:
        with open("/proc/pressure/memory", encoding="ascii") as file:
            return stall_us(file.read())
    except OSError:
        return None


def stall_us(text):
    found = re.search(r"^some .*total=(\d+)", text, re.MULTILINE)
    return int(found.group(1)) if found else None


def has_page_cache(directory):
    """Whether files there are on a disk: those of a tmpfs can be reclaimed into swap alone."""
    best, kind = "", ""
    with open("/proc/mounts", encoding="utf-8") as file:
        for line in file:
            point, found = line.split()[1:3]
            below = os.path.realpath(directory)
            if (below == point or below.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
                best, kind = point, found
    return kind not in ("tmpfs", "ramfs", "rootfs", "devtmpfs")


class Memory:
    """The memory files of a tree's groups, on cgroup v1 or v2."""

    def __init__(self, tree):
        self.tree = tree
        self.v1 = tree.version == 1

    def path(self, group, v1, v2):
        base = self.tree.bases["memory" if self.v1 else ""]
        return f"{base}/{self.tree.name}/{group}/{v1 if self.v1 else v2}"

    def read(self, group, v1, v2):
        path = self.path(group, v1, v2)
        if not (v1 if self.v1 else v2) or not os.path.exists(path):
            return ""
        with open(path, encoding="ascii") as file:
            return file.read()

    def set_limit(self, group, size):
        with open(self.path(group, "memory.limit_in_bytes", "memory.max"), "w", encoding="ascii") as file:
            file.write(str(size))

    def usage(self, group):
        return int(self.read(group, "memory.usage_in_bytes", "memory.current"))

    def stat(self, group, key):
        """Of the group and all below it."""
        found = re.search(rf"^{'total_' if self.v1 else ''}{key} (\d+)$", self.read(group, "memory.stat", "memory.stat"),
                          re.MULTILINE)
        return int(found.group(1)) if found else 0

    def oom_kills(self, group):
        """Of its own processes."""
        found = re.search(r"^oom_kill (\d+)$", self.read(group, "memory.oom_control", "memory.events"), re.MULTILINE)
        return int(found.group(1)) if found else 0

    def limit_hits(self, group):
        """How often somebody had to reclaim because the group was at its limit."""
        if self.v1:
            return int(self.read(group, "memory.failcnt", ""))
        found = re.search(r"^max (\d+)$", self.read(group, "", "memory.events"), re.MULTILINE)
        return int(found.group(1)) if found else 0

    def stall_us(self, group):
        """The group's own PSI, which cgroup v2 alone has; None: there is none."""
        return stall_us(self.read(group, "", "memory.pressure"))


class Sampler:
    """What kubepods and batch use, each 10 ms. Used is counted as Tideline does: half of the page cache is not."""

    def __init__(self, memory):
        self.v1 = memory.v1
        self.samples = []  # (time, used, BE's usage)
        opened = [(KUBEPODS, "memory.usage_in_bytes", "memory.current"), (KUBEPODS, "memory.stat", "memory.stat"),
                  (BEST_EFFORT, "memory.usage_in_bytes", "memory.current")]
        self.files = [os.open(memory.path(*names), os.O_RDONLY) for names in opened]
        self.cache = re.compile(rb"^total_(?:in)?active_file (\d+)" if self.v1 else
                                rb"^(?:(?:in)?active_file|slab_reclaimable) (\d+)", re.MULTILINE)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _take(self):
        usage, stat, batch = (os.pread(file, 16384, 0) for file in self.files)
        cache = sum(int(found) for found in self.cache.findall(stat))
        return time.monotonic(), int(usage) - cache // 2, int(batch)

    def _run(self):
        due = time.monotonic()
        while not self.ended.is_set():
            self.samples.append(self._take())
            due = max(due + SAMPLE_SECONDS, time.monotonic())
            self.ended.wait(max(0.0, due - time.monotonic()))

    def stop(self):
        if not self.ended.is_set():
            self.ended.set()
            self.thread.join()
            for file in self.files:
                os.close(file)
        return self.samples


def crossing(samples, threshold, begin):
    """-> (seconds from the threshold to relief, whether it was crossed). None: not crossed, or no relief. Relief: below
    it, and half a second later still."""
    after = [sample for sample in samples if sample[0] >= begin]
    crossed = next((at for at, used, _ in after if used >= threshold), None)
    if crossed is None:
        return None, False
    below = None
    for at, used, _ in after:
        if at < crossed:
            continue
        if used >= threshold:
            below = None
        elif below is None:
            below = at
        elif at - below >= 0.5:
            break
    return (None if below is None else below - crossed), True


def quantile(values, fraction):
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)] if ordered else None


def memory_load(bench, log, group, arguments, stdout=None, before=()):
    return Process(log, [*before, f"{bench.lab.options.bin}/memory_load", *arguments, "--enter",
                         *bench.tree.process_files(group)], f"{bench.lab.scratch}/{log}.log", stdout=stdout)


class Service:
    """The service: its requests' times and latencies as they come."""

    def __init__(self, bench, seconds, more=(), before=()):
        self.bench = bench
        options = bench.lab.options
        self.rate = 200
        held = int(options.tree_mib * options.service)
        arguments = ["touch", "--name", "service", "--rate", self.rate, "--samples", "--seconds", seconds, "--directory",
                     bench.lab.scratch, "--anon-mib", held - held // 8, "--file-mib", held // 8, *more]
        self.latencies = []  # (intended time, ms)
        self.last = {}
        self.ready = threading.Event()
        self.stopped = False
        self.kills_before = bench.memory.oom_kills(SERVICE)
        self.process = memory_load(bench, "service", SERVICE, arguments, subprocess.PIPE, before)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        wait_for("the service's memory", 120, self.ready.is_set, [self.process])

    def _read(self):
        for line in self.process.popen.stdout:
            if line.startswith(b"s "):
                _, at, latency_us = line.split()
                self.latencies.append((float(at) / 1000, int(latency_us) / 1000))
            elif line.startswith(b"ready"):
                self.ready.set()
            elif line.startswith(b"{"):
                self.last = json.loads(line)

    def oom_killed(self):
        return self.bench.memory.oom_kills(SERVICE) - self.kills_before

    def stop(self):
        if not self.stopped:
            self.stopped = True
            stop(self.process)
            self.reader.join()
            self.process.popen.stdout.close()

    def figures(self, begin, end):
        """Of requests intended in between; only after stop(), so that those still under way are in."""
        between = [latency for at, latency in self.latencies if begin <= at < end]
        wanted = max(1.0, (end - begin) * self.rate)
        return {"p50_ms": quantile(between, 0.5), "p99_ms": quantile(between, 0.99),
                "max_ms": max(between, default=None), "served_percent": min(100.0, 100 * len(between) / wanted)}


def stop(process):
    """SIGTERM to the load itself, which is the child where nsenter stands before it."""
    if process.popen.poll() is None:
        for pid in children_of(process.pid) or [process.pid]:
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        try:
            process.popen.wait(3)
        except subprocess.TimeoutExpired:
            # Throttled or in reclaim it may not heed that soon.
            for pid in children_of(process.pid) + [process.pid]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            process.popen.wait()
    return process.popen.returncode


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def policy(options, reclaim=True, tighten=True, emergency=False, evict=True):
    """CPU is not what is short here."""
    threshold = {"enable": True, "cpuSuppressPolicy": "cfsQuota", "cpuSuppressThresholdPercent": 100,
                 "memoryEvictThresholdPercent": options.threshold, "memoryEvictLowerPercent": options.threshold - 5}
    relief = {"reclaim": reclaim, "tighten": tighten, "emergencyKill": emergency}
    ours = {"memoryRelief": relief} | ({} if evict else {"dryRun": {"memoryEvict": True}})
    return {"resource-threshold-config": json.dumps({"clusterStrategy": threshold}) + "\n",
            "resource-qos-config": json.dumps({"clusterStrategy": {"beClass": {"memoryQOS": {"enable": True}}}}) + "\n",
            "tideline-config": json.dumps({"clusterStrategy": ours}) + "\n"}


def batch_uid(generation, number):
    """Of its own in each run: who was evicted is not picked again, and no uid ever comes back."""
    return f"7e4a0b52-0000-4000-8000-{generation:06x}{number:06x}"


class Bench:
    def __init__(self, made):
        self.lab = made
        self.tree = made.tree
        self.memory = Memory(made.tree)
        self.options = made.options
        self.batch_groups = []
        self.generation = 0
        self.started = 0
        if meminfo_kib("SwapTotal") > 0:
            raise Unusable("swap is on, and this says nothing of it")
        if meminfo_kib("MemAvailable") * 1024 < 2 * self.options.tree_mib * MIB + (1 << 30):
            raise Unusable(f"too little memory is free for a tree of {self.options.tree_mib} MiB")
        self.memory.set_limit(KUBEPODS, self.options.tree_mib * MIB)

    @property
    def threshold_bytes(self):
        return self.options.tree_mib * MIB * self.options.threshold // 100

    def add_batch(self, count=1):
        """-> the containers' groups, of a pod each; all new ones."""
        self.generation += 1
        for number in range(count):
            pod = f"{BEST_EFFORT}/pod{batch_uid(self.generation, number)}"
            self.batch_groups.append(pod)
            for group in (pod, f"{pod}/{CONTAINER}"):
                self.tree.make(group, BEST_EFFORT_SHARES)
        return [f"{pod}/{CONTAINER}" for pod in self.batch_groups]

    def remove_batch(self):
        for pod in self.batch_groups:
            self.tree.remove_below(pod)
        self.batch_groups = []

    def pods(self):
        held = f"{int(self.options.tree_mib * self.options.service)}Mi"
        listed = [{"uid": WEB_UID, "namespace": "bench", "name": "service", "qosClass": "LS", "kubeQosClass": "Burstable",
                   "priority": 9000, "phase": "Running",
                   "containers": [{"name": "nginx", "id": "nginx", "requests": {"memory": held}}]}]
        for number in range(len(self.batch_groups)):
            listed.append({"uid": batch_uid(self.generation, number), "namespace": "bench", "name": f"batch-{number}", "qosClass": "BE",
                           "kubeQosClass": "BestEffort", "priority": 5000, "phase": "Running",
                           "labels": {"koordinator.sh/eviction-enabled": "true"},
                           "containers": [{"name": CONTAINER, "id": CONTAINER}]})
        return {"pods": listed}

    @staticmethod
    def features(tideline, prefix):
        """-> {feature: "state: why"} as the node last reported."""
        status = tideline.node().get("status") or {}
        return {f["feature"]: f"{f['state']}: {f['why']}" for f in status.get("features", [])
                if f["feature"].startswith(prefix)}

    def start_tideline(self, documents):
        """A coordinator and a node of their own; the caller stops it."""
        self.started += 1
        directory = f"{self.lab.scratch}/tideline-{self.started}"
        os.mkdir(directory)
        tideline = Tideline(self.options.bin, directory, directory, f"{self.tree.name}/{KUBEPODS}",
                            self.tree.process_files(DAEMONS))
        try:
            tideline.begin(documents, self.pods())
            time.sleep(self.options.peace)
            tideline.check()
        except BaseException:
            tideline.stop()
            raise
        return tideline


def events(tideline, since_ms):
    return json.loads(tideline.tidectl("--json", "events", "--node", NODE, "--from", str(since_ms)))["events"]


def settled_events(tideline, since_ms, patience=20):
    """Those of a load that has ended, once relief is at rest again: what it freed is told with its last rung."""
    deadline = time.monotonic() + patience
    time.sleep(2.5)  # a report comes each second
    while True:
        found = events(tideline, since_ms)
        rungs = [(event["wallMs"], event["newValue"]) for event in found
                 if event["controller"] == "memory-relief" and event["newValue"].startswith("rung ")]
        if not rungs or max(rungs)[1].startswith("rung none") or time.monotonic() >= deadline:
            return found
        time.sleep(1)


RUNGS = ("none", "reclaim", "tighten", "evict", "emergency")


def relief_of(found):
    """What events say that relief did: the highest rung, bytes reclaimed, pods evicted and killed, each reason's count."""
    told = collections.Counter(event["reason"] for event in found if event["controller"].startswith("memory"))
    rung, freed, spent, reclaims = 0, 0, 0.0, 0
    for event in found:
        entered = re.match(r"rung (\w+)", event["newValue"])
        if event["controller"] == "memory-relief" and entered and entered.group(1) in RUNGS:
            rung = max(rung, RUNGS.index(entered.group(1)))
        counted = re.match(r"(\d+) bytes freed in ([\d.]+) s by (\d+) reclaims", event["newValue"])
        if counted:
            freed += int(counted.group(1))
            spent += float(counted.group(2))
            reclaims += int(counted.group(3))
    victims = {event["subject"] for event in found if event["reason"] == "be-pod-evicted"}
    killed = {event["subject"] for event in found
              if event["reason"] == "emergency-kill" and event["newValue"].startswith(("killed: ", "gone after "))}
    return {"rung": rung, "reclaimed_mib": freed / MIB, "reclaims": reclaims, "reclaim_seconds": spent,
            "evicted": len(victims), "killed": len(killed), "reasons": dict(told)}


def write_json(options, name, done):
    if options.json:
        with open(options.json, "w", encoding="ascii") as file:
            json.dump({"bench": name, "host": host.describe(), "options": vars(options), "rounds": done}, file, indent=2)


def print_table(done, ways, columns):
    """columns: {figure's key: (head, format, "median" or "sum")}; 95 % intervals of medians of what ends in p99_ms."""
    rows = [["", *(head for head, _, _ in columns.values())]]
    for way in ways:
        row = [way]
        for key, (_, form, kind) in columns.items():
            known = [value for value in (runs[way].get(key) for runs in done if way in runs) if value is not None]
            if kind == "sum" or not known:
                row.append(form.format(sum(known)) if known else "-")
                continue
            figure = figures.median_of(way, key)
            between = figures.interval(done, figure) if key.endswith("p99_ms") else None
            row.append(form.format(figure(done)) +
                       (f" [{form.format(between[0])}-{form.format(between[1])}]" if between else ""))
        rows.append(row)
    for line in report.aligned(rows):
        print(line)
