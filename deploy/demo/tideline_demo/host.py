"""What the whole host does, and what of it is not the experiment's."""

import os
import platform
import time

TICK = os.sysconf("SC_CLK_TCK")


def cpu_count():
    return os.sysconf("SC_NPROCESSORS_ONLN")


def parse_stat(stat_text):
    """-> seconds over all CPUs that were idle (I/O wait included), and that the hypervisor gave to others. Idle is what
    the kernel measures exactly; busy ticks are sampled."""
    fields = stat_text.splitlines()[0].split()
    return (int(fields[4]) + int(fields[5])) / TICK, int(fields[8]) / TICK


def read_stat():
    with open("/proc/stat", encoding="ascii") as file:
        return parse_stat(file.read())


class Window:
    """CPU use of the host, of groups of the tree, of all that is outside it, and what the hypervisor took, between
    start and stop()."""

    def __init__(self, tree, groups=(), stat=read_stat):
        self.tree = tree
        self.stat = stat
        self.groups = tuple(groups)
        self.begin = self._take()

    def _take(self):
        used = {group: self.tree.cpu_seconds(group) for group in ("", *self.groups)}
        return time.monotonic(), self.stat(), used

    def stop(self):
        (t0, (idle0, stolen0), used0), (t1, (idle1, stolen1), used1) = self.begin, self._take()
        seconds = t1 - t0
        stolen = max(0.0, stolen1 - stolen0)
        busy = max(0.0, cpu_count() * seconds - (idle1 - idle0) - stolen)
        cores = {group: (used1[group] - used0[group]) / seconds for group in used0}
        return {
            "seconds": seconds,
            "host_busy_percent": min(100.0, 100 * busy / seconds / cpu_count()),
            "outside_cores": max(0.0, busy / seconds - cores[""]),
            "stolen_cores": stolen / seconds,
            "cores": cores,
        }


def wait_until_quiet(tree, limit_cores, bound_seconds, say, sample_seconds=0.5):
    """-> cores used outside the experiment, or taken by the hypervisor, in the last sample; gives up waiting after the
    bound."""
    deadline = time.monotonic() + bound_seconds
    tell_at = time.monotonic() + 5
    while True:
        window = Window(tree)
        time.sleep(sample_seconds)
        sample = window.stop()
        outside = sample["outside_cores"] + sample["stolen_cores"]
        if outside <= limit_cores or time.monotonic() >= deadline:
            return outside
        if time.monotonic() >= tell_at:
            say(f"  waiting for a quiet host: others use {outside:.2f} cores, {limit_cores:.2f} are allowed")
            tell_at = time.monotonic() + 15


def describe():
    cpu = "unknown CPU"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo", encoding="ascii") as file:
        memory_kib = int(file.readline().split()[1])
    return {
        "cpus": cpu_count(),
        "cpu_model": cpu,
        "memory_mib": memory_kib // 1024,
        "kernel": platform.release(),
        "date": time.strftime("%Y-%m-%d %H:%M:%S %Z"),
    }
