"""The online service: nginx that compresses a 48 KiB page for each request, and the open-loop client that asks for it."""

import json
import os
import random
import signal
import socket
import subprocess

from .faults import Fault
from .processes import Process, tail, wait_for

PAGE_BYTES = 48 * 1024

CONFIG = """\
daemon off;
worker_processes {workers};
pid {dir}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  gzip on;
  gzip_types text/plain;
  keepalive_requests 100000000;
  keepalive_timeout 3600;
  client_body_temp_path {dir}/body;
  proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi;
  scgi_temp_path {dir}/scgi;
  default_type text/plain;
  server {{
    listen 127.0.0.1:{port};
    root {dir}/pages;
  }}
}}
"""


def page_text(seed=1):
    """Compressible like prose: words of a fixed vocabulary, the frequent ones often."""
    source = random.Random(seed)
    words = ["".join(source.choices("etaoinshrdlu", k=source.randint(2, 10))) for _ in range(2000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    text = " ".join(source.choices(words, weights, k=PAGE_BYTES // 3))
    return text[:PAGE_BYTES]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Web:
    def __init__(self, directory, log, workers, enter):
        self.port = free_port()
        os.makedirs(f"{directory}/pages")
        with open(f"{directory}/pages/page.txt", "w", encoding="ascii") as file:
            file.write(page_text())
        with open(f"{directory}/nginx.conf", "w", encoding="ascii") as file:
            file.write(CONFIG.format(workers=workers, dir=directory, port=self.port))
        # The workers run as nobody and must reach the page.
        for path in (directory, f"{directory}/pages"):
            os.chmod(path, 0o755)
        self.process = Process("nginx", ["nginx", "-p", directory, "-e", "stderr", "-c", f"{directory}/nginx.conf"],
                               log, enter)
        wait_for("nginx", 10, self._answers, [self.process])

    def _answers(self):
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.stop(signal.SIGQUIT, 2)


class Load:
    """One run of the client; start, then result()."""

    def __init__(self, program, port, log, enter, rps, warm_up, seconds, connections=64, more=()):
        command = [program, "--port", port, "--path", "/page.txt", "--rps", rps, "--connections", connections,
                   "--warm-up", warm_up, "--seconds", seconds, "--timeout", 30, *more]
        self.process = Process("tideline-loadgen", command, log, enter, stdout=subprocess.PIPE)

    def result(self, bound_seconds):
        try:
            output, _ = self.process.popen.communicate(timeout=bound_seconds)
        except subprocess.TimeoutExpired:
            self.process.stop()
            raise Fault(f"the client did not end within {bound_seconds:.0f} s") from None
        if self.process.popen.returncode != 0:
            raise Fault(f"the client failed: {tail(self.process.log)}")
        return json.loads(output)

    def stop(self):
        self.process.stop()
        if self.process.popen.stdout:
            self.process.popen.stdout.close()
