"""A cgroup tree shaped like a Kubernetes node's, on cgroup v1 hierarchies or v2, whichever has the cpu controller."""

import os
import time

from .faults import Fault, Unusable

V1_CONTROLLERS = ("cpu", "cpuacct", "memory")
V2_CONTROLLERS = ("cpu", "memory")
BEST_EFFORT_SHARES = 2  # kubelet's weight of the besteffort root, and of a pod without a CPU request


def weight_from_shares(shares):
    """kubelet's conversion of cgroup v1 cpu.shares (2..262144) to v2 cpu.weight (1..10000)."""
    return 1 + (max(2, min(262144, shares)) - 2) * 9999 // 262142


def shares_from_millicores(millicores):
    return max(BEST_EFFORT_SHARES, millicores * 1024 // 1000)


def find_mounts(mountinfo_text):
    """-> {controller: mount point} for v1, with "" for the unified hierarchy. Only mounts that show a hierarchy's top."""
    mounts = {}
    for line in mountinfo_text.splitlines():
        fields, _, rest = line.partition(" - ")
        shown, point = fields.split()[3:5]
        kind, _, options = rest.split()[:3]
        if shown != "/":
            continue
        if kind == "cgroup2":
            mounts.setdefault("", point)
        elif kind == "cgroup":
            for option in options.split(","):
                mounts.setdefault(option, point)
    return mounts


class Tree:
    """Owns one group below the top of each hierarchy and everything under it. Groups are named relative to it."""

    def __init__(self, name, mountinfo="/proc/self/mountinfo", more=()):
        """more: controllers beyond the usual ones, e.g. ("cpuset",)."""
        self.name = name
        with open(mountinfo, encoding="utf-8") as file:
            mounts = find_mounts(file.read())
        if "cpu" in mounts:
            self.version = 1
            self.controllers = (*V1_CONTROLLERS, *more)
            absent = [c for c in self.controllers if c not in mounts]
            if absent:
                raise Unusable(f"cgroup v1 without {', '.join(absent)}")
            self.bases = {c: mounts[c] for c in self.controllers}
        elif "" in mounts:
            self.version = 2
            self.bases = {"": mounts[""]}
            with open(f"{mounts['']}/cgroup.controllers", encoding="ascii") as file:
                offered = file.read().split()
            self.controllers = (*V2_CONTROLLERS, *more)
            absent = [c for c in self.controllers if c not in offered]
            if absent:
                raise Unusable(f"cgroup v2 without {', '.join(absent)}")
        else:
            raise Unusable("no cgroup hierarchy with a cpu controller is mounted")
        # Made parents first, so removal goes the other way round.
        self.groups = []
        self.handed_down = self._handed_down()
        try:
            self.make("")
        except OSError as error:
            self.remove()
            raise Unusable(f"cannot make a cgroup: {error}") from error

    def _directories(self, group):
        relative = f"{self.name}/{group}".rstrip("/")
        return [f"{base}/{relative}" for base in dict.fromkeys(self.bases.values())]

    def _file(self, group, v1_controller, v1_file, v2_file):
        relative = f"{self.name}/{group}".rstrip("/")
        if self.version == 1:
            return f"{self.bases[v1_controller]}/{relative}/{v1_file}"
        return f"{self.bases['']}/{relative}/{v2_file}"

    def _handed_down(self):
        """Controllers that v2's top group gives to its children."""
        return _read(f"{self.bases['']}/cgroup.subtree_control").split() if self.version == 2 else []

    def make(self, group, shares=None):
        if self.version == 2:
            # The parent hands its controllers down before the child is made.
            parent = os.path.dirname(self._directories(group)[0])
            _write(f"{parent}/cgroup.subtree_control", " ".join(f"+{c}" for c in self.controllers))
        self.groups.append(group)  # first: what was half made is removed, too
        for directory in self._directories(group):
            os.mkdir(directory)
        if self.version == 1 and "cpuset" in self.controllers:
            # A new cpuset of v1 is empty and takes no process.
            for name in ("cpuset.mems", "cpuset.cpus"):
                file = self._file(group, "cpuset", name, "")
                _write(file, _read(f"{os.path.dirname(os.path.dirname(file))}/{name}"))
        if shares is not None:
            self.set_shares(group, shares)

    def set_shares(self, group, shares):
        value = shares if self.version == 1 else weight_from_shares(shares)
        _write(self._file(group, "cpu", "cpu.shares", "cpu.weight"), value)

    def allow_realtime(self, group, microseconds):
        """Real-time threads of the group may run so long a second on each CPU, where the kernel asks for such a budget."""
        for each in ("", group):
            file = self._file(each, "cpu", "cpu.rt_runtime_us", "cpu.rt_runtime_us")
            if not os.path.exists(file):
                return
            try:
                _write(file, microseconds)
            except OSError:
                return  # others have taken it all: the client makes do without

    def shares_text(self, group):
        """Name and value of the group's weight, as the kernel shows it."""
        path = self._file(group, "cpu", "cpu.shares", "cpu.weight")
        return f"{os.path.basename(path)} {_read(path)}"

    def cpu_seconds(self, group=""):
        """CPU time used by the group and all below it."""
        if self.version == 1:
            return int(_read(self._file(group, "cpuacct", "cpuacct.usage", ""))) / 1e9
        return self._stat(group)["usage_usec"] / 1e6

    def throttled_seconds(self, group):
        stat = self._stat(group)
        return stat["throttled_time"] / 1e9 if self.version == 1 else stat["throttled_usec"] / 1e6

    def quota_cores(self, group):
        """The group's CPU limit in cores; None = unlimited."""
        if self.version == 1:
            quota = int(_read(self._file(group, "cpu", "cpu.cfs_quota_us", "")))
            period = int(_read(self._file(group, "cpu", "cpu.cfs_period_us", "")))
            return None if quota < 0 else quota / period
        quota, period = _read(self._file(group, "", "", "cpu.max")).split()
        return None if quota == "max" else int(quota) / int(period)

    def set_quota_cores(self, group, cores):
        """A limit as kubelet writes it, of the usual period."""
        quota = round(cores * 100_000)
        if self.version == 1:
            _write(self._file(group, "cpu", "cpu.cfs_quota_us", ""), quota)
        else:
            _write(self._file(group, "", "", "cpu.max"), f"{quota} 100000")

    def burst_cores(self, group):
        """What the group may save up, as CPU of one period; 0 where the kernel has no such file."""
        period = 100_000
        if self.version == 1:
            file = self._file(group, "cpu", "cpu.cfs_burst_us", "")
            period = int(_read(self._file(group, "cpu", "cpu.cfs_period_us", "")))
        else:
            file = self._file(group, "", "", "cpu.max.burst")
        return int(_read(file)) / period if os.path.exists(file) else 0.0

    def periods(self, group):
        """-> periods of the group's quota so far, and those in which it was throttled."""
        stat = self._stat(group)
        return stat["nr_periods"], stat["nr_throttled"]

    def cpus(self, group):
        """The group's own CPU set, as text."""
        return _read(self._file(group, "cpuset", "cpuset.cpus", "cpuset.cpus"))

    def _stat(self, group):
        text = _read(self._file(group, "cpu", "cpu.stat", "cpu.stat"))
        return {key: int(value) for key, value in (line.split() for line in text.splitlines())}

    def process_files(self, group):
        """Files into which a process writes 0 to enter the group."""
        return [f"{directory}/cgroup.procs" for directory in self._directories(group)]

    def processes(self, group):
        return sorted({int(pid) for file in self.process_files(group) for pid in _read(file).split()})

    def remove_below(self, group):
        """Ends every process in the group and those below it, and removes them."""
        doomed = [g for g in self.groups if g == group or g.startswith(f"{group}/") or group == ""]
        deadline = time.monotonic() + 10
        for name in reversed(doomed):
            for directory in self._directories(name):
                _remove(directory, deadline)
            self.groups.remove(name)

    def remove(self):
        self.remove_below("")
        taken_back = [c for c in self._handed_down() if c in self.controllers and c not in self.handed_down]
        if taken_back:
            try:
                _write(f"{self.bases['']}/cgroup.subtree_control", " ".join(f"-{c}" for c in taken_back))
            except OSError:
                pass  # another group uses them by now


def _remove(directory, deadline):
    while True:
        try:
            os.rmdir(directory)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise Fault(f"cgroup {directory} cannot be removed: {error}") from error
        try:
            for pid in _read(f"{directory}/cgroup.procs").split():
                os.kill(int(pid), 9)
        except (FileNotFoundError, ProcessLookupError):
            pass
        time.sleep(0.02)


def _read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def _write(path, value):
    with open(path, "w", encoding="ascii") as file:
        file.write(str(value))
