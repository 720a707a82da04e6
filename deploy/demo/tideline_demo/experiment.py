"""Runs the rounds: each mode once a round, in an order shuffled by the seed, each run gated on a quiet host."""

import random
import threading
import time

from . import batch as batch_kinds
from .faults import Fault
from .host import Window, wait_until_quiet
from .modes import MODES, pods, policy_documents
from .node_tree import BEST_EFFORT, CLIENT, DAEMONS, WEB
from .tideline import now_ms
from .web import Load


class LimitSampler(threading.Thread):
    """Reads the besteffort root's CPU limit while a run lasts, as evidence of what was really written."""

    def __init__(self, tree, period_seconds=0.2):
        super().__init__(daemon=True)
        self.tree = tree
        self.period = period_seconds
        self.limits = []
        self.ended = threading.Event()
        self.throttled_before = tree.throttled_seconds(BEST_EFFORT)
        self.start()

    def run(self):
        while not self.ended.wait(self.period):
            self.limits.append(self.tree.quota_cores(BEST_EFFORT))

    def stop(self):
        self.ended.set()
        self.join()
        set_limits = sorted(limit for limit in self.limits if limit is not None)
        return {
            "samples": len(self.limits),
            "limited_percent": 100 * len(set_limits) / len(self.limits) if self.limits else 0,
            "median_cores_when_limited": set_limits[len(set_limits) // 2] if set_limits else None,
            "throttled_seconds": self.tree.throttled_seconds(BEST_EFFORT) - self.throttled_before,
        }


class Experiment:
    def __init__(self, options, node_tree, web, tideline, directory, logs, say):
        self.options = options
        self.node_tree = node_tree
        self.tree = node_tree.tree
        self.web = web
        self.tideline = tideline
        self.directory = directory
        self.logs = logs
        self.say = say
        self.batch_kind = batch_kinds.KINDS[options.batch]
        self.rps = options.rps
        # 5 % of the host: what a mostly idle machine's own services take.
        self.outside_limit_cores = 0.05 * node_tree.cpus
        # A hypervisor that takes more than 0.25 % of the time can touch every hundredth request, which is the p99.
        self.stolen_limit_cores = 0.0025 * node_tree.cpus

    def calibrate(self):
        """Sets a rate at which nginx uses about 27 % of the host, from what one request costs here."""
        if self.rps:
            return
        probe = 200
        self._gate()
        window = Window(self.tree, [WEB])
        load = self._load(probe, 0.2, 2)
        try:
            done = load.result(60)
        finally:
            load.stop()
        cores = window.stop()
        cost = cores["cores"][WEB] * cores["seconds"] / (done["sent"] + 0.2 * probe)
        if done["errors"] or cost <= 0:
            raise Fault(f"calibration failed: {done}")
        self.rps = max(10, round(0.27 * self.node_tree.cpus / cost / 10) * 10)
        self.say(f"one request costs nginx {cost * 1000:.2f} ms of CPU; rate {self.rps} a second")

    def _load(self, rps, warm_up, seconds):
        return Load(f"{self.options.bin}/tideline-loadgen", self.web.port, f"{self.logs}/client.log",
                    self.tree.process_files(CLIENT), rps, warm_up, seconds)

    def rounds(self):
        source = random.Random(self.options.seed)
        done = []
        total = self.options.rounds * len(MODES)
        for number in range(self.options.rounds):
            order = list(MODES)
            source.shuffle(order)
            runs = {}
            for mode in order:
                position = number * len(MODES) + len(runs) + 1
                runs[mode.name] = self._run_gated(mode, number + 1, f"{position}/{total}")
            done.append(runs)
        return done

    def _run_gated(self, mode, number, position):
        attempts = []
        while True:
            run = self._run(mode, number)
            attempts.append({key: run[key] for key in ("outside_cores", "stolen_cores")})
            run["disturbed"] = (run["outside_cores"] > self.outside_limit_cores or
                                run["stolen_cores"] > self.stolen_limit_cores)
            run["attempts"] = attempts
            again = run["disturbed"] and len(attempts) <= self.options.retries
            self.say(f"[{position}] {describe(mode, run)}" + ("; disturbed, again" if again else ""))
            if not again:
                return run

    def _run(self, mode, number):
        self.tideline.write_pods(pods(mode, self.node_tree.cpus, self.batch_kind.container))
        version = self.tideline.apply_policy(policy_documents(mode))
        run = {"mode": mode.name, "round": number, "policy_version": version, "outside_cores_at_gate": self._gate()}
        seq_before = self.tideline.last_seq()
        sampler = LimitSampler(self.tree)
        try:
            measured = self._measure(mode, run)
        finally:
            run["best_effort_limit"] = sampler.stop()
        cores = measured.pop("cores")
        run |= measured
        batch = [used for group, used in cores.items() if group not in ("", WEB, CLIENT, DAEMONS)]
        run["cores"] = {"web": cores[WEB], "client": cores[CLIENT], "tideline": cores[DAEMONS],
                        "batch": batch[0] if batch else None}
        self._judge(mode, run, seq_before)
        return run

    def _gate(self):
        return wait_until_quiet(self.tree, self.outside_limit_cores, self.options.gate, self.say)

    def _measure(self, mode, run):
        """Runs client and batch; -> what Window.stop() gives."""
        options = self.options
        batch = load = None
        groups = [WEB, CLIENT, DAEMONS]
        try:
            if mode.batch:
                group = self.node_tree.add_batch(mode.batch, self.batch_kind.container)
                groups.append(self.node_tree.batch)
                batch = self.batch_kind(self.directory, f"{self.logs}/batch.log", self.node_tree.cpus,
                                        self.tree.process_files(group))
            load = self._load(self.rps, options.warm_up, options.seconds)
            time.sleep(options.warm_up)
            run["begin_ms"] = now_ms()
            window = Window(self.tree, groups)
            if batch:
                batch.begin_window()
            self._watch(options.seconds, [p for p in (batch and batch.process, self.web.process) if p])
            measured = window.stop()
            if batch:
                batch.end_window(measured["seconds"])
            run["end_ms"] = now_ms()
            run["client"] = load.result(45)
            run["batch_work"] = batch.stop() if batch else None
        finally:
            if load:
                load.stop()
            if batch:
                batch.stop()
            self.node_tree.remove_batch()
        return measured

    def _watch(self, seconds, processes):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(0.5, left))
            self.tideline.check()
            for process in processes:
                process.check_alive()

    def _judge(self, mode, run, seq_before):
        """Faults only; a latency is never one."""
        client = run["client"]
        if client and (client["errors"] or client["ok"] == 0):
            raise Fault(f"{mode.name}: {client['errors']} of {client['sent']} requests failed: {client['first_error']}")
        if client and mode.batch and run["batch_work"] is None:
            raise Fault(f"{mode.name}: the batch left no account of its work")
        if self.tideline.last_seq() <= seq_before:
            raise Fault(f"{mode.name}: the coordinator got no report from the node during the run")
        run["protection"] = self.tideline.protection()
        limited = run["best_effort_limit"]["limited_percent"]
        if mode.suppress == "cfsQuota" and limited == 0:
            raise Fault("threshold: the besteffort root had no CPU limit at any time of the run")
        if not mode.suppress and limited > 0:
            raise Fault(f"{mode.name}: the besteffort root had a CPU limit although Tideline is to stand by")


def describe(mode, run):
    client, cores = run["client"], run["cores"]
    text = f"round {run['round']} {mode.name}: "
    if client:
        text += f"{client['ok']} requests, p50 {client['p50_ms']:.2f} p99 {client['p99_ms']:.2f} ms, "
    text += (f"host {run['host_busy_percent']:.0f} % busy, outside {run['outside_cores']:.2f} cores, "
             f"stolen {run['stolen_cores']:.3f}")
    if cores["batch"] is not None:
        text += f", batch {cores['batch']:.2f} cores"
    return text
