"""The demo's tree and processes on this kernel's cgroups."""

import os
import signal
import subprocess
import tempfile
import time
import unittest

import support  # noqa: F401  (finds tideline_demo)
from tideline_demo.cgroups import Tree
from tideline_demo.faults import Fault, Unusable
from tideline_demo.node_tree import BEST_EFFORT, BURSTABLE, CLIENT, NodeTree
from tideline_demo.processes import Process, wait_for

try:
    Tree(f"tideline-test-probe-{os.getpid()}").remove()
    MISSING = None
except Unusable as unusable:
    MISSING = str(unusable)


@unittest.skipIf(MISSING, f"no writable cgroups: {MISSING}")
class RealTree(unittest.TestCase):
    def setUp(self):
        self.tree = Tree(f"tideline-test-demo-{os.getpid()}-{time.monotonic_ns()}")
        self.addCleanup(self.tree.remove)
        self.folder = tempfile.TemporaryDirectory(prefix="tideline-test-")
        self.addCleanup(self.folder.cleanup)
        self.log = f"{self.folder.name}/log"

    def spin(self, group):
        return Process("spinner", ["sh", "-c", "while :; do :; done"], self.log, self.tree.process_files(group))

    def test_weights_are_what_kubelet_gives(self):
        node = NodeTree(self.tree, 4)
        one = {1: {2: "cpu.shares 2", 2048: "cpu.shares 2048", 4096: "cpu.shares 4096"},
               2: {2: "cpu.weight 1", 2048: "cpu.weight 79", 4096: "cpu.weight 157"}}[self.tree.version]
        self.assertEqual(self.tree.shares_text(BEST_EFFORT), one[2])
        self.assertEqual(self.tree.shares_text(BURSTABLE), one[2048])
        node.add_batch("burstable", "x")
        self.assertEqual(self.tree.shares_text(BURSTABLE), one[4096], "the root weighs what its pods ask for")
        node.remove_batch()
        self.assertEqual(self.tree.shares_text(BURSTABLE), one[2048])

    def test_the_client_may_go_before_all_ordinary_threads(self):
        NodeTree(self.tree, 2)
        sleeper = Process("sleeper", ["sleep", "60"], self.log, self.tree.process_files(CLIENT))
        try:
            wait_for("the client in its group", 10, lambda: sleeper.pid in self.tree.processes(CLIENT), [sleeper])
            os.sched_setscheduler(sleeper.pid, os.SCHED_FIFO, os.sched_param(1))
            self.assertEqual(os.sched_getscheduler(sleeper.pid), os.SCHED_FIFO)
        finally:
            sleeper.stop()

    def test_a_process_runs_in_its_group_and_its_cpu_is_counted_there(self):
        self.tree.make("work")
        spinner = self.spin("work")
        try:
            wait_for("CPU time in the group", 10, lambda: self.tree.cpu_seconds("work") > 0.05, [spinner])
            self.assertIn(spinner.pid, self.tree.processes("work"))
        finally:
            spinner.stop()

    def test_a_limit_and_cpus_are_read_as_the_kernel_holds_them(self):
        try:
            tree = Tree(f"{self.tree.name}-cpus", more=("cpuset",))
        except Unusable as unusable:
            self.skipTest(str(unusable))
        self.addCleanup(tree.remove)
        tree.make("work")
        tree.set_quota_cores("work", 0.5)
        self.assertEqual(tree.quota_cores("work"), 0.5)
        self.assertEqual(tree.burst_cores("work"), 0)
        self.assertEqual(tree.cpus("work"), tree.cpus(""))
        spinner = Process("spinner", ["sh", "-c", "while :; do :; done"], self.log, tree.process_files("work"))
        try:
            wait_for("throttling", 10, lambda: tree.periods("work")[1] > 2, [spinner])
        finally:
            spinner.stop()
        self.assertGreaterEqual(tree.periods("work")[0], tree.periods("work")[1])

    def test_removal_ends_what_still_runs_inside(self):
        NodeTree(self.tree, 2)
        self.tree.make("work")
        self.tree.make("work/deep")
        spinner = self.spin("work/deep")
        self.tree.remove()
        spinner.popen.wait(5)
        self.assertEqual(spinner.popen.returncode, -signal.SIGKILL)
        self.assertFalse(any(os.path.exists(d) for d in self.tree._directories("")))

    def test_a_process_that_dies_is_a_fault_with_its_last_words(self):
        self.tree.make("work")
        process = Process("talker", ["sh", "-c", "echo no such luck >&2; exit 3"], self.log,
                          self.tree.process_files("work"))
        process.popen.wait(5)
        with self.assertRaisesRegex(Fault, "code 3.*no such luck"):
            process.check_alive()


class Orphans(unittest.TestCase):
    def test_children_do_not_outlive_a_killed_demo(self):
        script = ("import sys; sys.path.insert(0, sys.argv[1]); from tideline_demo.processes import Process\n"
                  "p = Process('s', ['sleep', '600'], '/dev/null'); print(p.pid, flush=True); input()")
        parent = subprocess.Popen(["python3", "-c", script, f"{support.SOURCE}/deploy/demo"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        parent.stdout.close()
        parent.stdin.close()
        wait_for("the child's end", 5, lambda: not running(child))


    def test_children_of_dead_children_are_found_and_ended(self):
        script = ("import subprocess, sys; sys.path.insert(0, sys.argv[1])\n"
                  "from tideline_demo.processes import adopt_orphans, end_children\n"
                  "adopt_orphans()\n"
                  "shell = subprocess.Popen(['sh', '-c', 'sleep 600 & echo $!'], stdout=subprocess.PIPE, text=True)\n"
                  "orphan = shell.stdout.readline().strip(); shell.wait()\n"
                  "print(orphan, end_children(), end_children())")
        done = subprocess.run(["python3", "-c", script, f"{support.SOURCE}/deploy/demo"], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=30)
        orphan, first, second = map(int, done.stdout.split())
        self.assertEqual((first, second), (1, 0))
        self.assertFalse(running(orphan))


def running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter where it goes between open and read
        return False


if __name__ == "__main__":
    unittest.main()
