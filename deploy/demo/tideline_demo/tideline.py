"""Tideline itself: coordinator, node and tidectl with mutual TLS on loopback. The only place that knows their flags."""

import json
import os
import signal
import subprocess
import time

from .faults import Fault
from .processes import Process, wait_for

NODE = "demo-node"
SERVER = "coordinator.tideline"


class Tideline:
    def __init__(self, programs, directory, logs, kubepods, enter=(), kernel_root=None):
        """programs: directory of the binaries; kubepods: group that holds all pods; enter: their cgroup's files."""
        self.programs = programs
        self.directory = directory
        self.kubepods = kubepods
        self.policy = f"{directory}/policy"
        self.pods_file = f"{directory}/pods.json"
        self.processes = []
        self.written = None
        os.mkdir(self.policy)
        certs = f"{directory}/tls"
        script = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "certs.sh")
        made = subprocess.run([script, certs, NODE], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if made.returncode != 0:
            raise Fault(f"demo certificates: {made.stderr.strip()}")
        self.certs = certs
        self.logs = logs
        self.enter = enter
        self.kernel_root = kernel_root
        self.ports = None

    def _tls(self, who):
        return ["--tls-cert", f"{self.certs}/{who}.crt", "--tls-key", f"{self.certs}/{who}.key",
                "--tls-ca", f"{self.certs}/ca.crt"]

    def start(self):
        ports_file = f"{self.directory}/ports.json"
        coordinator = Process(
            "tideline-coordinator",
            [f"{self.programs}/tideline-coordinator", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
             "--web-listen", "127.0.0.1:0", "--no-admin-socket", "--ports-file", ports_file, *self._tls("coordinator"),
             "--data-dir", f"{self.directory}/history", "--policy-source", f"dir:{self.policy}"],
            f"{self.logs}/coordinator.log", self.enter)
        self.processes.append(coordinator)
        wait_for("the coordinator's ports", 20, lambda: os.path.exists(ports_file), self.processes)
        with open(ports_file, encoding="ascii") as file:
            self.ports = json.load(file)
        command = [f"{self.programs}/tideline-node", "run", "--node-name", NODE,
                   "--coordinator", f"127.0.0.1:{self.ports['node']}", "--server-name", SERVER, *self._tls("node"),
                   "--state-dir", f"{self.directory}/node-state", "--pods-file", self.pods_file,
                   "--kubepods", self.kubepods, "--report-interval", "1s"]
        if self.kernel_root:
            command += ["--kernel-root", self.kernel_root]
        self.processes.append(Process("tideline-node", command, f"{self.logs}/node.log", self.enter))
        wait_for("the node's first report", 20, lambda: self.last_seq() > 0, self.processes)

    def begin(self, documents, pods):
        """Starts both with these, and waits until the node acts on the policy."""
        self.write_pods(pods)
        self.write_policy(documents)
        self.start()
        self._await_policy(0)
        self.written = documents

    def check(self):
        for process in self.processes:
            process.check_alive()

    def stop(self):
        for process in reversed(self.processes):
            process.stop(signal.SIGTERM, 20)

    def write_pods(self, contents):
        _replace(self.pods_file, json.dumps(contents, indent=2) + "\n", self.directory)

    def write_policy(self, documents):
        """Puts the documents into the policy directory that the coordinator watches."""
        for key, text in documents.items():
            _replace(f"{self.policy}/{key}.json", text, self.directory)

    def apply_policy(self, documents):
        """-> the version in force on the node."""
        before = self._policy_status()["state"]["version"]
        if documents == self.written:
            return before
        self.write_policy(documents)
        self.written = documents
        return self._await_policy(before)

    def _await_policy(self, before, bound_seconds=20):
        """Waits until the node acts on a version newer than `before`."""
        deadline = time.monotonic() + bound_seconds
        while True:
            self.check()
            status = self._policy_status()
            version, problem = status["state"]["version"], status["state"]["problem"]
            node = next((node for node in status["nodes"] if node["name"] == NODE), None)
            if problem:
                raise Fault(f"policy refused: {problem}")
            if version > before and node and node["policyApplied"] == version:
                return version
            if time.monotonic() > deadline:
                raise Fault(f"the node did not apply the policy that followed version {before} within "
                            f"{bound_seconds} s; tidectl policy status says {json.dumps(status)}")
            time.sleep(0.2)

    def tidectl(self, *arguments):
        """-> what it prints; Fault with its own words when it fails."""
        command = [f"{self.programs}/tidectl", "--address", f"127.0.0.1:{self.ports['admin']}", "--server-name", SERVER,
                   "--cert", f"{self.certs}/operator.crt", "--key", f"{self.certs}/operator.key",
                   "--ca", f"{self.certs}/ca.crt", *arguments]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        except subprocess.TimeoutExpired:
            raise Fault(f"tidectl {' '.join(arguments)} did not end within 30 s") from None
        if done.returncode != 0:
            raise Fault(f"tidectl {' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def _json(self, *arguments):
        return json.loads(self.tidectl("--json", *arguments))

    def node(self):
        """What the coordinator knows of the node; {} before it has come."""
        nodes = self._json("nodes")["nodes"]
        return next((node for node in nodes if node["name"] == NODE), {})

    def last_seq(self):
        return int(self.node().get("lastSeq", 0))

    def _policy_status(self):
        return self._json("policy", "status")

    def protection(self):
        """Whether the kernel's own order protects LS, as the node found it: {"verified": bool, "why": text}."""
        return (self.node().get("status") or {}).get("protection")

    def plot(self, begin_ms, end_ms):
        return self.tidectl("history", "--node", NODE, "--metric", "ls.cpu,be.cpu,be.limit", "--from", str(begin_ms),
                            "--to", str(end_ms), "--plot")

    def reclaimed(self):
        return self.tidectl("reclaimed")


def now_ms():
    return time.time_ns() // 1_000_000


def _replace(path, text, scratch):
    # Beside, not in, the watched directory: nobody may read half a file.
    part = f"{scratch}/.{os.path.basename(path)}.part"
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(part, path)
