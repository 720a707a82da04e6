"""Processes of the experiment: started in their cgroup, dead when we are, stopped by their own pid."""

import ctypes
import os
import signal
import subprocess
import time

from .faults import Fault

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans():
    """From now on a descendant whose parent died becomes our child, so that end_children() finds it."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_children():
    """-> how many children there still were; none is left."""
    ended = 0
    listing = f"/proc/self/task/{os.getpid()}/children"
    while os.path.exists(listing):  # not on kernels without CONFIG_PROC_CHILDREN
        with open(listing, encoding="ascii") as file:
            children = [int(pid) for pid in file.read().split()]
        if not children:
            break
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            ended += 1
    return ended


class Process:
    def __init__(self, name, command, log, enter=(), cwd=None, stdout=None):
        """`enter`: cgroup.procs files of the group to run in. Output goes to the file `log`."""
        self.name = name
        self.log = log
        self.command = [str(part) for part in command]
        parent = os.getpid()

        def prepare():
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            for file in enter:
                with open(file, "w", encoding="ascii") as procs:
                    procs.write("0")

        with open(log, "ab") as out:
            # A session of its own: Ctrl-C reaches us alone, and we decide the order in which things end.
            self.popen = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=stdout or out, stderr=out,
                                          cwd=cwd, preexec_fn=prepare, start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    def check_alive(self):
        code = self.popen.poll()
        if code is not None:
            raise Fault(f"{self.name} ended by itself with code {code}: {tail(self.log)}")

    def stop(self, sig=signal.SIGTERM, seconds=5.0):
        """-> exit code; SIGKILL to it and its children if it is not gone in time."""
        if self.popen.poll() is None:
            self.popen.send_signal(sig)
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                # Its own session, and not yet reaped: the group's number is still its.
                os.killpg(self.popen.pid, signal.SIGKILL)
                self.popen.wait()
        return self.popen.returncode


def tail(path, lines=8):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            kept = file.read().splitlines()[-lines:]
    except OSError as error:
        return str(error)
    return " | ".join(kept) or f"{path} is empty"


def wait_for(what, seconds, probe, processes=()):
    """Calls probe() until it gives something true, which is returned. Fault when a process dies or time is up."""
    deadline = time.monotonic() + seconds
    while True:
        for process in processes:
            process.check_alive()
        found = probe()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise Fault(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.05)
