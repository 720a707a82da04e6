#!/usr/bin/env python3
"""CPU burst on real cgroups by the real agent: a service with a CPU limit whose requests come in bursts, three ways.

off: the limit as kubelet writes it. kernel burst: policy cpuBurstOnly. quota scaling: policy cfsQuotaBurstOnly. The
service is nginx that compresses a page for each request; the client sends, open loop, bursts that cost --burst times
what the limit allows in one period of 100 ms, and is quiet in between, so that the mean stays well below the limit.
Needs root; leaves nothing.
"""

import json
import os
import sys
import time

from lab import Fault, change_percent, figures, host, main, parser, print_table, rounds, say
from tideline_demo.modes import WEB_UID
from tideline_demo.node_tree import CLIENT, WEB
from tideline_demo.processes import wait_for
from tideline_demo.web import Load, Web

CONTAINER = f"{WEB}/nginx"
PERIOD_SECONDS = 0.1
WAYS = {"off": "none", "kernel burst": "cpuBurstOnly", "quota scaling": "cfsQuotaBurstOnly"}
COLUMNS = {
    "throttled_percent": ("throttled periods %", "{:.1f}"),
    "throttled_ms_per_s": ("throttled ms/s", "{:.1f}"),
    "p50_ms": ("p50 ms", "{:.2f}"),
    "p90_ms": ("p90 ms", "{:.2f}"),
    "p99_ms": ("p99 ms [95 %]", "{:.1f}"),
    "cores": ("mean CPU cores", "{:.3f}"),
    "quota_cores": ("quota at the end", "{:.2f}"),
    "busy_percent": ("host busy %", "{:.0f}"),
    "stolen_cores": ("stolen cores", "{:.3f}"),
}


def policy(way):
    return {"cpu-burst-config": json.dumps({"clusterStrategy": {"policy": WAYS[way]}}) + "\n"}


def pods(limit):
    resources = {"cpu": f"{round(limit * 1000)}m"}
    return {"pods": [{"uid": WEB_UID, "namespace": "bench", "name": "web", "qosClass": "LS",
                      "kubeQosClass": "Burstable", "priority": 9000, "phase": "Running",
                      "containers": [{"name": "nginx", "id": "nginx", "requests": resources, "limits": resources}]}]}


class Bench:
    def __init__(self, lab):
        self.lab = lab
        self.tree = lab.tree
        self.options = lab.options
        os.mkdir(f"{lab.scratch}/web")
        self.web = Web(f"{lab.scratch}/web", f"{lab.scratch}/nginx.log", max(2, host.cpu_count()),
                       self.tree.process_files(CONTAINER))
        lab.cleanup.callback(self.web.stop)
        self.request_seconds = self.cost()
        for group in (WEB, CONTAINER):
            self.tree.set_quota_cores(group, self.options.limit)
        burst = self.options.burst * self.options.limit * PERIOD_SECONDS / self.request_seconds
        self.rps = max(2, burst / self.options.every)
        say(f"one request costs {self.request_seconds * 1000:.2f} ms of CPU; bursts of {burst:.0f} each "
            f"{self.options.every:g} s, a mean of {self.rps * self.request_seconds:.2f} cores")

    def load(self, rps, warm_up, seconds, *more):
        return Load(f"{self.options.bin}/tideline-loadgen", self.web.port, f"{self.lab.scratch}/client.log",
                    self.tree.process_files(CLIENT), rps, warm_up, seconds, more=more)

    def cost(self):
        """CPU seconds of one request, without a limit."""
        self.lab.gate()
        before = self.tree.cpu_seconds(WEB)
        done = self.load(200, 0.2, 2).result(60)
        return (self.tree.cpu_seconds(WEB) - before) / (done["sent"] + 40)

    def counters(self):
        """Of the container and its pod: either may be the one that is out of quota first."""
        return [(*self.tree.periods(group), self.tree.throttled_seconds(group)) for group in (CONTAINER, WEB)]

    def run(self, way):
        options = self.options
        self.lab.tideline.apply_policy(policy(way))
        if way != "quota scaling":
            wait_for("the quota of the spec", 20,
                     lambda: abs(self.tree.quota_cores(CONTAINER) - options.limit) < 0.001)
        if way == "kernel burst":
            wait_for("the burst", 20, lambda: self.tree.burst_cores(CONTAINER) > 0)
        self.lab.gate()
        load = self.load(self.rps, options.warm_up, options.seconds, "--arrivals", "bursts", "--burst-period",
                         options.every, "--burst-share", options.share)
        time.sleep(options.warm_up)
        before = self.counters()
        window = host.Window(self.tree, [WEB])
        time.sleep(options.seconds)
        measured = window.stop()
        after = self.counters()
        client = load.result(60)
        if client["errors"] or not client["ok"]:
            raise Fault(f"{client['errors']} of {client['sent']} requests failed: {client['first_error']}")
        periods, throttled, seconds = zip(*([b - a for a, b in zip(*pair)] for pair in zip(before, after)))
        return {
            "throttled_percent": max(100 * t / p if p else 0.0 for t, p in zip(throttled, periods)),
            "throttled_ms_per_s": 1000 * max(seconds) / measured["seconds"],
            "p50_ms": client["p50_ms"], "p90_ms": client["p90_ms"], "p99_ms": client["p99_ms"],
            "cores": measured["cores"][WEB], "quota_cores": self.tree.quota_cores(CONTAINER),
            "busy_percent": measured["host_busy_percent"], "stolen_cores": measured["stolen_cores"],
        }

    def findings(self, done, features):
        limit_ms = 1000 * self.options.limit * PERIOD_SECONDS
        for way in list(WAYS)[1:]:
            left = figures.median_of(way, "throttled_percent")(done)
            told = "gone" if left == 0 else f"left in {left:.1f} % of the periods"
            print(f"{way}: throttling {told}; p99 {change_percent(done, way, 'p99_ms', 'off'):+.0f} %, "
                  f"mean CPU {change_percent(done, way, 'cores', 'off'):+.1f} % against off")
            for name, state in features.get(way, {}).items():
                print(f"  {name} {state}")
        print(f"A burst costs {self.options.burst * limit_ms:.0f} ms of CPU where a period has {limit_ms:.0f}. The kernel "
              f"takes no burst above the quota, so kernel burst can add {limit_ms:.0f} ms at most, saved in quiet periods: "
              f"{'enough' if self.options.burst < 2 else 'too little'} for a burst that falls into one period. Quota "
              f"scaling starts at a limit of {self.options.limit:g} cores when it is throttled and ends at 300 % of it.")


def work(lab):
    bench = Bench(lab)
    lab.tideline.begin(policy("off"), pods(lab.options.limit))
    features = {}

    def run(way):
        figures_of_run = bench.run(way)
        features[way] = lab.features("cpuBurst.")
        return figures_of_run
    done = rounds(lab.options, WAYS, run)
    print(f"Limit {lab.options.limit:g} cores, bursts of {lab.options.burst:g} times the quota each {lab.options.every:g} s; "
          f"medians over {lab.options.rounds} rounds of {lab.options.seconds:g} s.")
    print_table(done, WAYS, COLUMNS)
    bench.findings(done, features)


if __name__ == "__main__":
    arguments = parser(__doc__, seconds=20, warm_up=8)
    arguments.add_argument("--limit", type=float, default=0.5, help="CPU limit of the service, cores (default 0.5)")
    arguments.add_argument("--burst", type=float, default=1.5,
                           help="CPU of one burst, in quotas of one period (default 1.5)")
    arguments.add_argument("--every", type=float, default=0.53,
                           help="seconds between bursts; no multiple of the period, so that they meet all its phases")
    arguments.add_argument("--share", type=float, default=0.1, help="part of that time in which a burst comes")
    sys.exit(main(arguments.parse_args(), work))
