"""An API server of Kubernetes with an etcd of its own, for benchmarks and tests in Python: as test/support/kube.h.

No kubelet, no controllers and no scheduler. Needs KUBE_APISERVER (test/kube/README.md), etcd and kubectl.
"""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/deploy/demo")

# pylint: disable=wrong-import-position
from tideline_demo.faults import Fault
from tideline_demo.processes import Process, tail, wait_for

ADMIN_TOKEN = "test-admin"
# Of the requests of service accounts, to be counted; who else asks is the test itself.
AUDIT_POLICY = """apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: ["system:serviceaccounts"]
"""


def missing():
    """What this machine lacks for it, or ""."""
    binary = os.environ.get("KUBE_APISERVER", "")
    if not binary:
        return "KUBE_APISERVER, which is not set (test/kube/README.md)"
    if not os.access(binary, os.X_OK):
        return f"KUBE_APISERVER: {binary} cannot be run"
    for program, package in (("etcd", "etcd-server"), ("kubectl", "kubernetes-client")):
        if not shutil.which(program):
            return f"{program}, of the package {package}"
    return ""


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Api:
    """One connection to the API server, as admin. Not for two threads at once."""

    def __init__(self, port, ca, seconds=60):
        self.port, self.ca, self.seconds = port, ca, seconds
        self.connection = None

    def ask(self, method, path, body=None, kind="application/json"):
        """-> the answer's JSON; Fault where the status is not 2xx."""
        text = None if body is None else json.dumps(body)
        for attempt in (1, 2):
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPSConnection(
                        "127.0.0.1", self.port, timeout=self.seconds, context=ssl.create_default_context(cafile=self.ca))
                self.connection.request(method, path, text, {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": kind})
                answer = self.connection.getresponse()
                said = answer.read()
                break
            except (OSError, http.client.HTTPException) as problem:
                # The server may have closed a connection that was kept.
                self.connection = None
                if attempt == 2:
                    raise Fault(f"{method} {path}: {problem}") from problem
        if not 200 <= answer.status < 300:
            raise Fault(f"{method} {path}: {answer.status} {said[:300].decode(errors='replace')}")
        return json.loads(said) if said else None


class ControlPlane:
    """Both programs; what lies in `directory` of an earlier one's etcd is there again."""

    def __init__(self, directory):
        self.directory = directory
        self.pki = f"{directory}/pki"
        self.etcd_data = f"{directory}/etcd"
        self.audit_log = f"{directory}/audit.log"
        self.etcd_port, self.peer_port, self.port = free_ports(3)
        self.ca = f"{self.pki}/ca.crt"
        os.makedirs(self.pki, exist_ok=True)
        self._make_pki()
        self._write("tokens.csv", f'{ADMIN_TOKEN},admin,admin,"system:masters"\n')
        self._write("audit-policy.yaml", AUDIT_POLICY)
        self.admin_kubeconfig = self.kubeconfig("admin", ADMIN_TOKEN)
        self.etcd = self._start_etcd()
        self.api_server = self._start_api_server()

    def _write(self, name, text):
        path = f"{self.directory}/{name}"
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def _openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, cwd=self.pki, check=False)
        if done.returncode != 0:
            raise Fault(f"openssl {arguments[0]}: {done.stderr}")

    def _make_pki(self):
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        self._openssl("req", "-x509", *new_key, "-days", "30", "-subj", "/CN=test-ca", "-keyout", "ca.key", "-out", "ca.crt")
        self._openssl("req", *new_key, "-subj", "/CN=kube-apiserver", "-keyout", "server.key", "-out", "server.csr")
        with open(f"{self.pki}/server.ext", "w", encoding="ascii") as file:
            file.write("basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost,DNS:kubernetes,"
                       "DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1\n")
        self._openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                      "30", "-extfile", "server.ext", "-out", "server.crt")
        self._openssl("genrsa", "-out", "accounts.key", "2048")
        self._openssl("rsa", "-in", "accounts.key", "-pubout", "-out", "accounts.pub")

    def _start_etcd(self):
        client, peer = (f"http://127.0.0.1:{port}" for port in (self.etcd_port, self.peer_port))
        return Process("etcd", [
            "etcd", "--name", "test", "--data-dir", self.etcd_data, "--listen-client-urls", client,
            "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", f"test={peer}", "--unsafe-no-fsync", "--quota-backend-bytes", str(8 << 30),
            "--log-level", "warn"], f"{self.directory}/etcd.log")

    def _start_api_server(self):
        process = Process("kube-apiserver", [
            os.environ["KUBE_APISERVER"], f"--etcd-servers=http://127.0.0.1:{self.etcd_port}", "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1", f"--secure-port={self.port}", "--insecure-port=0",
            f"--tls-cert-file={self.pki}/server.crt", f"--tls-private-key-file={self.pki}/server.key",
            f"--client-ca-file={self.ca}", f"--token-auth-file={self.directory}/tokens.csv",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={self.pki}/accounts.key",
            f"--service-account-key-file={self.pki}/accounts.pub", "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=Node,RBAC", "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
            "--allow-privileged=true", "--endpoint-reconciler-type=none",
            f"--audit-policy-file={self.directory}/audit-policy.yaml", f"--audit-log-path={self.audit_log}"],
            f"{self.directory}/api-server.log")

        def is_ready():
            try:
                self.api(5).ask("GET", "/readyz")
            except json.JSONDecodeError:
                return True  # "ok" is no JSON
            except Fault:
                pass
            return False

        wait_for("the API server", 120, is_ready, [self.etcd, process])
        return process

    def api(self, seconds=60):
        return Api(self.port, self.ca, seconds)

    def kubeconfig(self, name, token):
        return self._write(f"{name}.kubeconfig", (
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n"
            "contexts: [{name: test, context: {cluster: test, user: test}}]\n"
            f"clusters: [{{name: test, cluster: {{server: 'https://127.0.0.1:{self.port}', "
            f"certificate-authority: '{self.ca}'}}}}]\n"
            f"users: [{{name: test, user: {{token: '{token}'}}}}]\n"))

    def account_kubeconfig(self, name_space, name):
        """Of a service account that is there, with a token of a day."""
        answer = self.api().ask("POST", f"/api/v1/namespaces/{name_space}/serviceaccounts/{name}/token", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}})
        return self.kubeconfig(f"{name_space}.{name}", answer["status"]["token"])

    def kubectl(self, *arguments):
        environment = {**os.environ, "HOME": self.directory}
        done = subprocess.run(["kubectl", "--kubeconfig", self.admin_kubeconfig, "--cache-dir", f"{self.directory}/c",
                               "--request-timeout=20s", *arguments], capture_output=True, text=True, env=environment,
                              stdin=subprocess.DEVNULL, timeout=120, check=False)
        if done.returncode != 0:
            raise Fault(f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def stop(self):
        """First the API server, then etcd, whose data can be copied from then on."""
        for process in (self.api_server, self.etcd):
            process.stop(seconds=20)

    def log(self):
        return tail(f"{self.directory}/api-server.log")
