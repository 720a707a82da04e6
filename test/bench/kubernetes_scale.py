#!/usr/bin/env python3
"""What the bridge to Kubernetes costs and how soon it is through, with so many nodes and pods on a real API server.

etcd and kube-apiserver run here, for this alone; Nodes and pods are made as kubelets and a scheduler would leave them
and kept with etcd's files, so that a second run begins at once. The coordinator starts beside them with the rights of
deploy/kubernetes, and when it has listed all of it, `tideline-fleet bench` opens a session for each node and reports
generated loads of the pods that the coordinator tells it of. Then nothing happens but loads that wander and kubelets'
heartbeats. All of it shares this machine. Requests are counted by the API server's audit log. What it needs:
test/kube/README.md.
"""

import argparse
import collections
import contextlib
import datetime
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [f"{ROOT}/deploy/demo", f"{ROOT}/test/kube"]

# pylint: disable=wrong-import-position
import control_plane
from tideline_demo.faults import Fault
from tideline_demo.processes import Process, adopt_orphans, end_children, wait_for
from tideline_demo.report import aligned

TICK = os.sysconf("SC_CLK_TCK")
SKIPPED = 77
NODE_CPU, NODE_MEMORY_GIB = 32, 128  # those of tideline-fleet
HEARTBEAT_SECONDS = 300  # of a kubelet that has nothing to tell
ACCOUNT = ("tideline-system", "tideline-coordinator")
# Raised when what populate() makes is another.
GENERATION = 1
COLOCATION = {"enable": True, "cpuReclaimThresholdPercent": 70, "memoryReclaimThresholdPercent": 80}
# About what annotations, environment and volumes of a real pod take.
FILLER = "x" * 2000


def say(text):
    print(text, file=sys.stderr, flush=True)


def node_name(index):
    return f"sim-{index:05}"


def node_object(index):
    capacity = {"cpu": str(NODE_CPU), "memory": f"{NODE_MEMORY_GIB}Gi", "pods": "110", "ephemeral-storage": "200Gi"}
    return {"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": node_name(index),
                         "labels": {"kubernetes.io/os": "linux", "kubernetes.io/hostname": node_name(index), "pool": "sim"}},
            "status": {"capacity": capacity, "allocatable": capacity, "conditions": [condition()],
                       "images": [{"names": [f"registry.example/{image}:1.0"], "sizeBytes": 123456789} for image in range(30)]}}


def condition():
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status",
            "lastHeartbeatTime": now, "lastTransitionTime": now}


def pod_object(node, index, pods):
    """Of a node with so many pods: each third is batch."""
    batch = index % 3 == 2
    each = NODE_CPU * 1000 // pods
    memory = f"{NODE_MEMORY_GIB * 1024 // (2 * pods)}Mi"
    ask = {"kubernetes.io/batch-cpu": str(each), "kubernetes.io/batch-memory": memory} if batch else \
        {"cpu": f"{each // 2}m", "memory": memory}
    kind, owner = ("Job", "job") if batch else ("ReplicaSet", "web")
    workload = f"{owner}-{(node * pods + index) % 40}"
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": f"{workload}-{node:05}-{index}",
                         "labels": {"koordinator.sh/qosClass": "BE" if batch else "LS", "app": workload},
                         "annotations": {"example.com/filler": FILLER},
                         "ownerReferences": [{"apiVersion": "batch/v1" if batch else "apps/v1", "kind": kind,
                                              "name": workload, "uid": f"00000000-0000-4000-8000-{node:012}",
                                              "controller": True}]},
            "spec": {"nodeName": node_name(node), "priorityClassName": "koord-batch" if batch else "koord-prod",
                     "containers": [{"name": "main", "image": "registry.example/main:1.0",
                                     "resources": {"requests": ask, "limits": ask} if batch else {"requests": ask}}]}}


def run_pod(api, pod, index):
    made = api.ask("POST", "/api/v1/namespaces/default/pods", pod)
    made["status"].update(phase="Running", containerStatuses=[
        {"name": "main", "image": "registry.example/main:1.0", "imageID": "", "ready": True, "restartCount": 0,
         "containerID": f"containerd://{index:064x}", "state": {"running": {}}}])
    api.ask("PUT", f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}/status", made)


def side_by_side(count, workers, work):
    """work(first, step) in so many threads; the first Fault of any is raised."""
    faults = []

    def guarded(first):
        try:
            work(first, workers)
        except Exception as fault:  # pylint: disable=broad-except
            faults.append(fault)

    threads = [threading.Thread(target=guarded, args=(first,), daemon=True) for first in range(min(workers, count))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise Fault(f"objects could not be made: {faults[0]}") from faults[0]


def populate(plane, options):
    manifests = f"{ROOT}/deploy/kubernetes"
    plane.kubectl("apply", "-f", f"{manifests}/base/coordinator/namespace.yaml")
    plane.kubectl("apply", "-f", f"{manifests}/overlays/priority-classes/priority-classes.yaml")
    done = collections.Counter()
    begin = time.monotonic()
    # The server's own list of priority classes may be a moment behind.
    time.sleep(2)

    def work(first, step):
        api = plane.api()
        for node in range(first, options.nodes, step):
            api.ask("POST", "/api/v1/nodes", node_object(node))
            for index in range(options.pods):
                run_pod(api, pod_object(node, index, options.pods), node * options.pods + index)
            done["nodes"] += 1
            if done["nodes"] % 100 == 0:
                say(f"{done['nodes']} of {options.nodes} nodes with {options.pods} pods each: {time.monotonic() - begin:.0f} s")

    side_by_side(options.nodes, options.writers, work)


def start_plane(options, scratch, cleanup):
    """A control plane with all Nodes and pods, from the cache where it has them."""
    kept = f"{options.cache}/{options.nodes}x{options.pods}-{GENERATION}"
    directory = f"{scratch}/kubernetes"
    os.mkdir(directory)
    if not os.path.isdir(kept):
        plane = control_plane.ControlPlane(directory)
        cleanup.callback(plane.stop)
        populate(plane, options)
        plane.stop()
        os.makedirs(options.cache, exist_ok=True)
        half = f"{kept}.{os.getpid()}"
        cleanup.callback(shutil.rmtree, half, ignore_errors=True)
        shutil.copytree(plane.etcd_data, half)
        os.rename(half, kept)
    else:
        shutil.copytree(kept, f"{directory}/etcd")
    say(f"{options.nodes} nodes with {options.pods} pods each are in {kept}")
    # Both ways begin with a server that holds nothing in memory.
    plane = control_plane.ControlPlane(directory)
    cleanup.callback(plane.stop)
    # Rights are those of this tree, and not those of the time when the cache was made.
    plane.kubectl("apply", "-f", f"{ROOT}/deploy/kubernetes/base/coordinator/rbac.yaml")
    api = plane.api()
    api.ask("POST", "/api/v1/namespaces/kube-system/configmaps", {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ack-slo-config"},
        "data": {"colocation-config": json.dumps(COLOCATION)}})
    return plane


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_mib(process, field):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field)) / 1024


class Audit:
    """What the API server's audit log says of the coordinator: [(time, verb, resource, name, code)]."""

    def __init__(self, path):
        self.path = path
        self.at = 0
        self.requests = []

    def read(self):
        with open(self.path, "rb") as file:
            file.seek(self.at)
            text = file.read()
        whole = text[:text.rfind(b"\n") + 1]
        self.at += len(whole)
        for line in whole.splitlines():
            event = json.loads(line)
            about = event.get("objectRef", {})
            # A watch counts when it begins.
            if event["stage"] != ("ResponseStarted" if event["verb"] == "watch" else "ResponseComplete"):
                continue
            resource = about.get("resource", event["requestURI"])
            if "subresource" in about:
                resource += f"/{about['subresource']}"
            at = datetime.datetime.fromisoformat(event["stageTimestamp"].replace("Z", "+00:00")).timestamp()
            self.requests.append((at, event["verb"], resource, about.get("name", ""), event["responseStatus"].get("code", 0)))
        return self.requests

    def first_patches(self):
        """{node: when it was written to for the first time}."""
        first = {}
        for at, verb, resource, name, code in self.read():
            if verb == "patch" and resource == "nodes/status" and code == 200:
                first.setdefault(name, at)
        return first

    def between(self, begin, end):
        """Counter of (verb, resource, class of answer)."""
        return collections.Counter((verb, resource, f"{code // 100}xx") for at, verb, resource, _, code in self.read()
                                   if begin <= at < end)


class NoAnswer(Fault):
    """Of the coordinator's web port, once."""


class Coordinator:
    def __init__(self, options, scratch, plane):
        ports, tls = f"{scratch}/ports.json", f"{scratch}/tls"
        self.process = Process("tideline-coordinator", [
            f"{options.bin}/tideline-coordinator", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
            "--web-listen", "127.0.0.1:0", "--no-admin-socket", "--ports-file", ports,
            "--tls-cert", f"{tls}/server-coordinator.tideline.crt", "--tls-key", f"{tls}/server-coordinator.tideline.key",
            "--tls-ca", f"{tls}/ca.crt", "--data-dir", f"{scratch}/data", "--policy-source", "kubernetes",
            "--kubeconfig", plane.account_kubeconfig(*ACCOUNT), "--kube-qps", str(options.qps), "--kube-burst",
            str(options.burst)], f"{scratch}/coordinator.log")
        wait_for("the coordinator's ports", 30, lambda: os.path.exists(ports), [self.process])
        with open(ports, encoding="ascii") as file:
            found = json.load(file)
        self.port, self.web = found["node"], found["web"]

    def metrics(self):
        """{sample as it stands there: value}."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/metrics", timeout=20) as answer:
                lines = answer.read().decode().splitlines()
        except (OSError, http.client.HTTPException) as problem:
            raise NoAnswer(f"the coordinator's /metrics: {problem}") from problem
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)
                if name and not name.startswith("#")}

    def writes(self):
        """{reason: count}."""
        head = 'tideline_kubernetes_writes_total{reason="'
        return {name[len(head):-2]: value for name, value in self.metrics().items() if name.startswith(head)}


class Heartbeats:
    """Each kubelet's, spread evenly: the Node's condition, as it is written where nothing else changed."""

    def __init__(self, plane, nodes):
        self.ends = threading.Event()
        self.count = 0
        self.fault = None
        self.thread = threading.Thread(target=self._run, args=(plane.api(), nodes), daemon=True)
        self.thread.start()

    def _run(self, api, nodes):
        try:
            while not self.ends.wait(HEARTBEAT_SECONDS / nodes):
                api.ask("PATCH", f"/api/v1/nodes/{node_name(self.count % nodes)}/status", {"status": {"conditions": [condition()]}},
                        "application/strategic-merge-patch+json")
                self.count += 1
        except Fault as fault:
            self.fault = fault

    def stop(self):
        self.ends.set()
        self.thread.join(70)
        if self.fault:
            raise self.fault


def wait_long_for(what, options, probe, processes):
    """Asked for seldom: the answers cost the one that is measured, too. One that is late is asked again."""
    def ask():
        time.sleep(0.2)
        try:
            return probe()
        except NoAnswer:
            return False

    wait_for(what, options.patience, ask, processes)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def start_fleet(options, scratch, coordinator):
    return Process("tideline-fleet", [
        f"{options.bin}/tideline-fleet", "bench", "--coordinator", f"127.0.0.1:{coordinator.port}", "--certs",
        f"{scratch}/tls", "--nodes", options.nodes, "--pods-from-coordinator", "--interval", options.interval, "--spread",
        options.spread, "--for", "0", "--row", "10s", "--json"], f"{scratch}/fleet.log")


def measure_start(options, scratch, plane, audit, figures):
    """-> coordinator and fleet, when every Node has its offer."""
    begin = time.time()
    coordinator = Coordinator(options, scratch, plane)

    def all_listed():
        numbers = coordinator.metrics()
        return (numbers.get("tideline_kubernetes_nodes") == options.nodes and
                numbers.get("tideline_kubernetes_pods") == options.nodes * options.pods and
                numbers.get('tideline_kubernetes_watch_up{resource="pods"}') == 1)

    wait_long_for("the lists", options, all_listed, [coordinator.process])
    figures["list_seconds"] = time.time() - begin
    figures["list_cpu_seconds"] = cpu_seconds(coordinator.process)
    figures["list_rss_mib"] = memory_mib(coordinator.process, "VmRSS:")

    come = time.time()
    fleet = start_fleet(options, scratch, coordinator)
    running = [coordinator.process, fleet]
    wait_long_for("all sessions", options, lambda: coordinator.metrics().get("tideline_sessions") == options.nodes, running)
    figures["sessions_seconds"] = time.time() - come

    def all_told():
        numbers = coordinator.metrics()
        return (numbers.get("tideline_kubernetes_sets_unacked") == 0 and
                numbers.get("tideline_kubernetes_sets_pushed_total", 0) >= options.nodes)

    wait_long_for("the sets of pods", options, all_told, running)
    figures["told_seconds"] = time.time() - come
    wait_long_for("the first offer of each node", options, lambda: len(audit.first_patches()) == options.nodes, running)
    first = [at - come for at in audit.first_patches().values()]
    figures["first_publish_p50_seconds"] = percentile(first, 0.5)
    figures["first_publish_seconds"] = max(first)
    figures["start_to_published_seconds"] = max(first) + come - begin
    return coordinator, fleet


def measure_steady(options, plane, audit, figures, coordinator):
    parts = {"coordinator": coordinator.process, "api_server": plane.api_server, "etcd": plane.etcd}
    begin, cpu, writes = time.time(), {name: cpu_seconds(part) for name, part in parts.items()}, coordinator.writes()
    above = 0.0
    while time.time() - begin < options.seconds:
        time.sleep(min(5.0, options.seconds))
        for part in parts.values():
            part.check_alive()
        above = max(above, coordinator.metrics().get("tideline_kubernetes_above_offer_seconds", 0.0))
    end = time.time()
    for name, part in parts.items():
        figures[f"{name}_cores"] = (cpu_seconds(part) - cpu[name]) / (end - begin)
        figures[f"{name}_rss_mib"] = memory_mib(part, "VmRSS:")
    figures["peak_mib"] = memory_mib(coordinator.process, "VmHWM:")
    figures["seconds"] = end - begin
    figures["writes"] = {reason: count - writes.get(reason, 0) for reason, count in coordinator.writes().items()}
    figures["writes_per_node_5min"] = sum(figures["writes"].values()) / options.nodes / (end - begin) * 300
    figures["above_offer_seconds"] = above
    time.sleep(1)  # the audit log is there by then
    figures["requests"] = [{"verb": verb, "resource": resource, "answer": answer, "count": count} for
                           (verb, resource, answer), count in sorted(audit.between(begin, end).items())]


def run(options):
    """-> figures."""
    figures = {"nodes": options.nodes, "pods": options.pods}
    with contextlib.ExitStack() as cleanup:
        scratch = tempfile.mkdtemp(prefix="tideline-bench-")
        cleanup.callback(shutil.rmtree, scratch, ignore_errors=True)
        cleanup.callback(end_children)
        subprocess.run([f"{options.bin}/tideline-fleet", "certs", "--dir", f"{scratch}/tls", "--nodes", str(options.nodes)],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        plane = start_plane(options, scratch, cleanup)
        audit = Audit(plane.audit_log)
        coordinator, fleet = measure_start(options, scratch, plane, audit, figures)
        say(f"every Node has its offer after {figures['first_publish_seconds']:.1f} s; settling for {options.settle:.0f} s")
        heartbeats = Heartbeats(plane, options.nodes)
        time.sleep(options.settle)
        say(f"steady for {options.seconds:.0f} s")
        measure_steady(options, plane, audit, figures, coordinator)
        heartbeats.stop()
        figures["heartbeats"] = heartbeats.count
        for process in (fleet, coordinator.process):
            process.check_alive()
            if process.stop(signal.SIGTERM, 60) != 0:
                raise Fault(f"{process.name} did not end well")
    return figures


def tables(f):
    lines = aligned([
        ["nodes", "pods", "list s", "list CPU s", "list MiB", "sessions s", "told s", "published s: half", "all", "from start"],
        [str(f["nodes"]), str(f["nodes"] * f["pods"]), f"{f['list_seconds']:.1f}", f"{f['list_cpu_seconds']:.1f}",
         f"{f['list_rss_mib']:.0f}", f"{f['sessions_seconds']:.1f}", f"{f['told_seconds']:.1f}",
         f"{f['first_publish_p50_seconds']:.1f}", f"{f['first_publish_seconds']:.1f}", f"{f['start_to_published_seconds']:.1f}"]])
    lines += [""] + aligned([
        ["steady s", "writes/node/5 min", "of them", "above offer s", "cores", "RSS MiB", "peak MiB", "API server cores", "etcd cores"],
        [f"{f['seconds']:.0f}", f"{f['writes_per_node_5min']:.2f}",
         ", ".join(f"{reason} {count:.0f}" for reason, count in f["writes"].items() if count) or "none",
         f"{f['above_offer_seconds']:.1f}", f"{f['coordinator_cores']:.3f}", f"{f['coordinator_rss_mib']:.0f}",
         f"{f['peak_mib']:.0f}", f"{f['api_server_cores']:.3f}", f"{f['etcd_cores']:.3f}"]])
    lines += [""] + aligned([["verb", "resource", "answer", "requests"]] + [
        [one["verb"], one["resource"], one["answer"], str(one["count"])] for one in f["requests"]])
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.environ.get("TIDELINE_BIN", f"{ROOT}/build/release/bin"),
                        help="directory of built programs (default: $TIDELINE_BIN, else build/release/bin)")
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--pods", type=int, default=30, help="of each node")
    parser.add_argument("--seconds", type=float, default=300, help="of the steady state")
    parser.add_argument("--settle", type=float, default=120,
                        help="seconds before it: a rise waits, and uses are averaged over minutes")
    parser.add_argument("--interval", default="10s", help="of each node's reports")
    parser.add_argument("--spread", default="20s", help="over which nodes open their sessions")
    parser.add_argument("--qps", type=int, default=30, help="--kube-qps of the coordinator")
    parser.add_argument("--burst", type=int, default=60, help="--kube-burst of the coordinator")
    parser.add_argument("--patience", type=float, default=600, help="seconds that each step of the start may take")
    parser.add_argument("--writers", type=int, default=8, help="threads that make Nodes and pods where the cache has none")
    parser.add_argument("--cache", default=f"{ROOT}/build/kube-scale", help="where etcd's files with them are kept")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    if not (1 <= options.nodes <= 20_000 and 1 <= options.pods <= 110):
        parser.error("want 1 to 20000 nodes and 1 to 110 pods on each")
    if lacking := control_plane.missing():
        print(f"kubernetes_scale.py: skipped: needs {lacking}", file=sys.stderr)
        return SKIPPED
    adopt_orphans()
    try:
        figures = run(options)
    except Fault as fault:
        print(f"kubernetes_scale.py: {fault}", file=sys.stderr)
        return 1
    print("\n".join(tables(figures)))
    if options.json:
        with open(options.json, "w", encoding="ascii") as file:
            json.dump(figures, file, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
