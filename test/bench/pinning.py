#!/usr/bin/env python3
"""What bound CPUs do for one of several services on a host, in three groups, with batch beside them.

A: all services are LS and share the CPUs. B: one is LSR and bound to half of the CPUs, which batch may borrow. C: it is
LSE, and nobody else runs there. The bound service is asked evenly, the other in bursts; batch takes what is left, below
the besteffort root, and nobody limits it. Needs root and a writable cpuset hierarchy; leaves nothing.
"""

import json
import os
import sys
import time

from lab import Fault, host, main, parser, print_table, rounds, say
from tideline_demo.batch import StressNg
from tideline_demo.cgroups import shares_from_millicores
from tideline_demo.modes import BATCH_UID, WEB_UID
from tideline_demo.node_tree import CLIENT, KUBEPODS, WEB
from tideline_demo.processes import wait_for
from tideline_demo.web import Load, Web

BOUND_UID = "7e4a0b52-0000-4000-8000-000000000003"
BOUND = f"{KUBEPODS}/pod{BOUND_UID}"
GROUPS = {"A: all LS": "LS", "B: one LSR": "LSR", "C: one LSE": "LSE"}
COLUMNS = {
    "bound_p50_ms": ("bound p50 ms", "{:.2f}"),
    "bound_p90_ms": ("p90 ms", "{:.2f}"),
    "bound_p99_ms": ("p99 ms [95 %]", "{:.2f}"),
    "other_p50_ms": ("other p50 ms", "{:.2f}"),
    "other_p90_ms": ("p90 ms", "{:.2f}"),
    "other_p99_ms": ("p99 ms [95 %]", "{:.2f}"),
    "bound_cores": ("bound cores", "{:.2f}"),
    "other_cores": ("other cores", "{:.2f}"),
    "batch_cores": ("batch cores", "{:.2f}"),
    "busy_percent": ("host busy %", "{:.0f}"),
    "stolen_cores": ("stolen cores", "{:.3f}"),
}


def pod(uid, name, qos, kube_qos, more=None):
    half = f"{host.cpu_count() * 500}m"
    asks = {"kubernetes.io/batch-cpu": str(host.cpu_count() * 500)} if qos == "BE" else {"cpu": half}
    container = StressNg.container if qos == "BE" else "nginx"
    return {"uid": uid, "namespace": "bench", "name": name, "qosClass": qos, "kubeQosClass": kube_qos,
            "priority": 5500 if qos == "BE" else 9500, "phase": "Running",
            "containers": [{"name": container, "id": container, "requests": asks}], **(more or {})}


class Bench:
    def __init__(self, lab):
        self.lab = lab
        self.tree = lab.tree
        self.cpus = self.tree.cpus(KUBEPODS)
        self.bound_cpus = "0" if host.cpu_count() < 4 else f"0-{host.cpu_count() // 2 - 1}"
        half = shares_from_millicores(host.cpu_count() * 500)
        self.tree.make(BOUND, half)
        self.tree.make(f"{BOUND}/nginx", half)
        self.webs = {group: self.start_web(group) for group in (BOUND, WEB)}
        cost = self.cost()
        # Of half of the host the bound service uses 40 %, the other 30 % on the mean.
        self.rates = {BOUND: 0.4 * host.cpu_count() / 2 / cost, WEB: 0.3 * host.cpu_count() / 2 / cost}
        say(f"one request costs {cost * 1000:.2f} ms of CPU; {self.rates[BOUND]:.0f} and {self.rates[WEB]:.0f} a second")

    def start_web(self, group):
        directory = f"{self.lab.scratch}/{os.path.basename(group)}"
        os.mkdir(directory)
        web = Web(directory, f"{directory}.log", max(2, host.cpu_count() // 2), self.tree.process_files(f"{group}/nginx"))
        self.lab.cleanup.callback(web.stop)
        return web

    def load(self, group, rps, warm_up, seconds, *more):
        return Load(f"{self.lab.options.bin}/tideline-loadgen", self.webs[group].port, f"{self.lab.scratch}/client.log",
                    self.tree.process_files(CLIENT), rps, warm_up, seconds, more=more)

    def cost(self):
        self.lab.gate()
        before = self.tree.cpu_seconds(WEB)
        done = self.load(WEB, 200, 0.2, 2).result(60)
        return (self.tree.cpu_seconds(WEB) - before) / (done["sent"] + 40)

    def pods(self, qos):
        bound = {} if qos == "LS" else {
            "annotations": {"scheduling.koordinator.sh/resource-status": json.dumps({"cpuset": self.bound_cpus})}}
        return {"pods": [pod(BOUND_UID, "bound", qos, "Guaranteed", bound), pod(WEB_UID, "other", "LS", "Burstable"),
                         pod(BATCH_UID, "batch", "BE", "BestEffort")]}

    def are_in_place(self, qos, batch):
        """Each container has the CPUs of its class; the counts tell it without arithmetic on sets."""
        bound, other, taken = (self.tree.cpus(group) for group in (f"{BOUND}/nginx", f"{WEB}/nginx", batch))
        if qos == "LS":
            return bound == other == taken == self.cpus
        shared = taken == self.cpus if qos == "LSR" else taken == other
        return bound == self.bound_cpus and other not in (bound, self.cpus) and shared

    def run(self, name):
        options, qos = self.lab.options, GROUPS[name]
        self.lab.gate()
        group = self.lab.node_tree.add_batch("besteffort", StressNg.container)
        batch = StressNg(self.lab.scratch, f"{self.lab.scratch}/batch.log", host.cpu_count(),
                         self.tree.process_files(group))
        try:
            self.lab.tideline.write_pods(self.pods(qos))
            wait_for(f"the CPU sets of {name}", 60, lambda: self.are_in_place(qos, group), [batch.process])
            loads = [self.load(BOUND, self.rates[BOUND], options.warm_up, options.seconds, "--arrivals", "poisson"),
                     self.load(WEB, self.rates[WEB], options.warm_up, options.seconds, "--arrivals", "bursts",
                               "--burst-period", 0.2, "--burst-share", 0.3)]
            time.sleep(options.warm_up)
            window = host.Window(self.tree, [BOUND, WEB, self.lab.node_tree.batch])
            time.sleep(options.seconds)
            measured = window.stop()
            clients = [load.result(60) for load in loads]
            if not self.are_in_place(qos, group):
                raise Fault(f"the CPU sets of {name} did not stay")
        finally:
            batch.stop()
            self.lab.node_tree.remove_batch()
        found = {"busy_percent": measured["host_busy_percent"], "stolen_cores": measured["stolen_cores"]}
        for label, client in zip(("bound", "other"), clients):
            if client["errors"] or not client["ok"]:
                raise Fault(f"{client['errors']} of {client['sent']} requests failed: {client['first_error']}")
            found |= {f"{label}_{key}": client[key] for key in ("p50_ms", "p90_ms", "p99_ms")}
        used = [value for where, value in measured["cores"].items() if where]
        return found | dict(zip(("bound_cores", "other_cores", "batch_cores"), used))


def work(lab):
    bench = Bench(lab)
    lab.tideline.begin({"resource-threshold-config": json.dumps({"clusterStrategy": {"enable": False}})},
                       bench.pods("LS"))
    features = {}

    def run(name):
        found = bench.run(name)
        features[name] = lab.features("cpuset")
        return found
    done = rounds(lab.options, GROUPS, run)
    print(f"{host.cpu_count()} CPUs, {bench.bound_cpus} bound in B and C; medians over {lab.options.rounds} rounds of "
          f"{lab.options.seconds:g} s.")
    print_table(done, GROUPS, COLUMNS)
    for name, states in features.items():
        for feature, state in states.items():
            print(f"{name}: {feature} {state}")


if __name__ == "__main__":
    if host.cpu_count() < 2:
        print("skipped: needs two CPUs")
        sys.exit(77)
    sys.exit(main(parser(__doc__, seconds=12, warm_up=2).parse_args(), work, more=("cpuset",)))
