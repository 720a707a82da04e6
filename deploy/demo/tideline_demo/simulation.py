"""The experiment without root or writable cgroups: the same Tideline programs on a directory tree shaped like a cgroup v1
host, whose counters a small model moves. It shows what Tideline reads, decides and writes. It says nothing about
latency: nothing real runs beside anything."""

import glob
import os
import random
import shutil
import threading
import time
import uuid

from . import host, report
from .batch import KINDS
from .cgroups import Tree
from .experiment import Experiment
from .modes import MODES, WEB_UID, pods, policy_documents
from .node_tree import BEST_EFFORT, CLIENT, DAEMONS, KUBEPODS, WEB, NodeTree
from .tideline import Tideline, now_ms

STEP_SECONDS = 0.02
WEB_SHARE_OF_HOST = 0.27
WEB_TID = 4001
DEFAULTS = {
    "cpu": {"cpu.shares": "1024", "cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000", "cpu.cfs_burst_us": "0",
            "cpu.idle": "0", "cpu.stat": "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n", "tasks": "",
            "cgroup.procs": ""},
    "cpuacct": {"cpuacct.usage": "0", "cgroup.procs": ""},
    "memory": {"memory.usage_in_bytes": "67108864", "memory.limit_in_bytes": "9223372036854771712",
               "memory.stat": "total_cache 0\ntotal_rss 67108864\ntotal_inactive_anon 0\n"
                              "total_active_anon 67108864\ntotal_unevictable 0\n",
               "cgroup.procs": ""},
}
PRESSURE = "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
CPU_FILES = ("online", "possible", "present", "kernel_max", "cpu[0-9]*/topology/*", "cpu[0-9]*/online",
             "cpu[0-9]*/cache/index*/*")


class SimulatedTree(Tree):
    """A Tree of plain files under a directory; keeps what the kernel would make."""

    def __init__(self, root, name):
        self.root = root
        _put(f"{root}/proc/self/mountinfo", "".join(
            f"{30 + i} 20 0:{30 + i} / /sys/fs/cgroup/{c} rw - cgroup cgroup rw,{c}\n" for i, c in enumerate(DEFAULTS)))
        recorded = f"{root}/mounts"
        _put(recorded, "".join(f"{30 + i} 20 0:{30 + i} / {root}/sys/fs/cgroup/{c} rw - cgroup cgroup rw,{c}\n"
                               for i, c in enumerate(DEFAULTS)))
        for controller, files in DEFAULTS.items():
            for file, text in files.items():
                _put(f"{root}/sys/fs/cgroup/{controller}/{file}", text)
            _put(f"{root}/sys/fs/cgroup/{controller}/release_agent", "")
        super().__init__(name, recorded)

    def make(self, group, shares=None):
        super().make(group)
        for (controller, files), directory in zip(DEFAULTS.items(), self._directories(group)):
            for file, text in files.items():
                _put(f"{directory}/{file}", text)
        if shares is not None:
            self.set_shares(group, shares)

    def remove_below(self, group):
        for name in [g for g in self.groups if g == group or g.startswith(f"{group}/") or group == ""]:
            self.groups.remove(name)
            for directory in self._directories(name):
                shutil.rmtree(directory, ignore_errors=True)

    def path(self, group, controller, file):
        return self._file(group, controller, file, file)


class SimulatedHost(threading.Thread):
    """Moves the counters: the web service wants about 27 % of the host, the batch all of it. Beside a Burstable batch
    the two share by weight; below the besteffort root the batch gets what is left, within its quota."""

    def __init__(self, tree, cpus, seed):
        super().__init__(daemon=True)
        self.tree = tree
        self.cpus = cpus
        self.random = random.Random(seed)
        self.batch = None     # (kind of root, container's group)
        self.quota = None
        self.used = {}        # group -> ns, since it was made
        self.delay_ns = 0
        self.wanted = WEB_SHARE_OF_HOST * cpus
        self.ended = threading.Event()
        self.lock = threading.Lock()
        root = tree.root
        for source in (path for pattern in CPU_FILES for path in glob.glob(f"/sys/devices/system/cpu/{pattern}")):
            try:
                with open(source, encoding="ascii") as file:
                    _put(f"{root}{source}", file.read())
            except OSError:
                continue
        memory_kib = 8 << 20
        _put(f"{root}/proc/meminfo", f"MemTotal: {memory_kib} kB\nMemFree: {memory_kib // 2} kB\n"
                                     f"MemAvailable: {memory_kib * 3 // 4} kB\n")
        for kind in ("cpu", "memory", "io"):
            _put(f"{root}/proc/pressure/{kind}", PRESSURE)
        _put(f"{root}/proc/sys/kernel/random/boot_id", f"{uuid.UUID(int=self.random.getrandbits(128))}\n")
        _put(f"{root}/proc/sys/kernel/osrelease", "0-simulated\n")
        _put(f"{root}/proc/sys/kernel/hostname", "simulated\n")
        _put(f"{root}/proc/self/schedstat", "1 1 1\n")
        for group in (WEB, f"{WEB}/nginx"):
            _put(tree.path(group, "cpu", "tasks"), f"{WEB_TID}\n" if group != WEB else "")
        self.write(0, 0)
        self.start()

    def run(self):
        last = time.monotonic()
        while not self.ended.wait(STEP_SECONDS):
            now = time.monotonic()
            with self.lock:
                self.write(*self.step(now - last))
            last = now

    def step(self, seconds):
        """-> cores the web service and the batch get, and adds to the counters what they used."""
        middle = WEB_SHARE_OF_HOST * self.cpus
        self.wanted += self.random.gauss(0, 0.05 * middle) + 0.1 * (middle - self.wanted)
        web = max(0.2 * middle, min(self.wanted, 1.8 * middle))
        batch, waiting = 0.0, 0.002
        if self.batch and self.batch[0] == "burstable":
            web = min(web, self.cpus / 2)
            batch, waiting = self.cpus - web, 0.2
        elif self.batch:
            try:
                self.quota = self.tree.quota_cores(BEST_EFFORT)
            except (ValueError, IndexError):
                pass  # read between the truncation and the write of one that is set just now
            batch = self.cpus - web
            if self.quota is not None:
                batch = min(batch, self.quota)
        self._use(f"{WEB}/nginx", web * seconds)
        self.delay_ns += int(1e9 * web * seconds * waiting)
        if self.batch:
            self._use(self.batch[1], batch * seconds)
        return web, batch

    def _use(self, group, seconds):
        """Charges the group and all above it, up to the host."""
        parts = [self.tree.name, *group.split("/")]
        for length in range(len(parts) + 1):
            name = "/".join(parts[:length])
            self.used[name] = self.used.get(name, 0) + int(1e9 * seconds)

    def write(self, _web, _batch):
        base = self.tree.bases["cpuacct"]
        for name, nanoseconds in self.used.items():
            _put_in_place(f"{base}/{name}/cpuacct.usage", nanoseconds)
        total = self.used.get("", 0)
        ticks = total // (1_000_000_000 // host.TICK)
        idle = int(time.monotonic() * host.TICK * self.cpus) - ticks
        _put(f"{self.tree.root}/proc/stat", f"cpu  {ticks} 0 0 {idle} 0 0 0 0 0 0\n", replace=True)
        _put(f"{self.tree.root}/proc/{WEB_TID}/schedstat",
             f"{self.used.get(f'{self.tree.name}/{WEB}', 0)} {self.delay_ns} 1\n", replace=True)

    def start_batch(self, root, group):
        with self.lock:
            self.batch = (root, group)

    def stop_batch(self):
        with self.lock:
            if self.batch:
                pod = f"{self.tree.name}/{os.path.dirname(self.batch[1])}"
                self.used = {g: ns for g, ns in self.used.items() if g != pod and not g.startswith(f"{pod}/")}
            self.batch = None

    def stop(self):
        self.ended.set()
        self.join()


class SimulatedExperiment(Experiment):
    """The same rounds, policies and checks; the model in place of nginx, client and batch."""

    def __init__(self, options, node_tree, tideline, simulated, directory, logs, say):
        super().__init__(options, node_tree, None, tideline, directory, logs, say)
        self.simulated = simulated

    def _gate(self):
        return 0.0

    def _measure(self, mode, run):
        groups = [WEB, CLIENT, DAEMONS]
        try:
            if mode.batch:
                group = self.node_tree.add_batch(mode.batch, self.batch_kind.container)
                groups.append(self.node_tree.batch)
                self.simulated.start_batch(mode.batch, group)
            time.sleep(self.options.warm_up)
            run["begin_ms"] = now_ms()
            window = host.Window(self.tree, groups, self._stat)
            self._watch(self.options.seconds, [])
            measured = window.stop()
            run["end_ms"] = now_ms()
        finally:
            self.simulated.stop_batch()
            self.node_tree.remove_batch()
        run["client"] = None
        run["batch_work"] = None
        return measured

    def _stat(self):
        with open(f"{self.tree.root}/proc/stat", encoding="ascii") as file:
            return host.parse_stat(file.read())


def simulate(options, cleanup, scratch, logs, reason, say, conclude):
    say(f"SIMULATED HOST: {reason}. Tideline's own programs run on a tree of files shaped like a cgroup v1 host, moved "
        "by a model; no latency is measured.")
    cpus = host.cpu_count()
    root = f"{scratch}/host"
    tree = SimulatedTree(root, "tideline-demo")
    node_tree = NodeTree(tree, cpus)
    simulated = SimulatedHost(tree, cpus, options.seed)
    cleanup.callback(simulated.stop)
    tideline = Tideline(options.bin, scratch, logs, f"{tree.name}/{KUBEPODS}", kernel_root=root)
    cleanup.callback(tideline.stop)
    tideline.begin(policy_documents(MODES[0]), pods(MODES[0], cpus, KINDS[options.batch].container))
    experiment = SimulatedExperiment(options, node_tree, tideline, simulated, scratch, logs, say)
    rounds = experiment.rounds()
    return conclude(options, host.describe() | {"cgroup": "v1, simulated"}, experiment, tideline, rounds,
                    report.SIMULATED)


def _put(path, text, replace=False):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not replace:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return
    _put_in_place(path, text.rstrip("\n"))


def _put_in_place(path, text):
    """One pwrite of a fixed width: readers that keep the file open never see half of it. Counters only grow."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    except FileNotFoundError:
        return  # the group was removed meanwhile
    try:
        os.pwrite(fd, f"{text}\n".encode("ascii"), 0)
    finally:
        os.close(fd)
