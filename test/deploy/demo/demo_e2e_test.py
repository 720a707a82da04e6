"""deploy/demo.sh as a newcomer runs it: real, simulated, and interrupted. What it must leave behind is nothing."""

import glob
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

import support
from tideline_demo.modes import MODES

NAMES = [mode.name for mode in MODES]
QUICK_SECONDS = 60  # what --quick promises after the build
SLACK_SECONDS = 30  # for sanitized programs, and a machine that others use


def leftovers():
    """Groups, files, mounts and processes of a demo; each of its daemons has its scratch directory on its command line."""
    kept = glob.glob("/sys/fs/cgroup/tideline-demo-*") + glob.glob("/sys/fs/cgroup/*/tideline-demo-*")
    kept += glob.glob(f"{tempfile.gettempdir()}/tideline-demo-*")
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        kept += [line for line in file if "tideline-demo" in line]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                words = file.read().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if "/tideline-demo-" in words:
            kept.append(f"process {pid}: {words}")
    return kept


class Demo(unittest.TestCase):
    def setUp(self):
        self.before = set(leftovers())
        self.folder = tempfile.TemporaryDirectory(prefix="tideline-test-")
        self.addCleanup(self.folder.cleanup)

    def command(self, *arguments):
        return [f"{support.SOURCE}/deploy/demo.sh", "--bin", support.BIN, "--output", self.folder.name, *arguments]

    def run_demo(self, *arguments):
        done = subprocess.run(self.command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=150)
        logs = ""
        if done.returncode != 0:
            for log in glob.glob(f"{self.folder.name}/logs/*"):
                with open(log, encoding="utf-8", errors="replace") as file:
                    logs += f"--- {log}\n{file.read()[-2000:]}\n"
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}\n{logs}")
        with open(f"{self.folder.name}/summary.json", encoding="utf-8") as file:
            return done.stdout, json.load(file)

    def assert_nothing_left(self):
        self.assertEqual(set(leftovers()) - self.before, set())

    def test_quick_prints_the_table_and_leaves_the_figures(self):
        output, summary = self.run_demo("--quick")
        for name in NAMES:
            self.assertIn(f"\n{name}", output)
        self.assertEqual(list(summary["modes"]), NAMES)
        self.assertEqual(sorted(run["mode"] for run in summary["runs"]), sorted(NAMES))
        self.assertIn("+3.2 %", output)
        took = int(re.search(r"^Took (\d+) s\.$", output, re.MULTILINE).group(1))
        self.assertLessEqual(took, QUICK_SECONDS + SLACK_SECONDS)
        if not summary["simulated"]:
            for run in summary["runs"]:
                self.assertGreater(run["client"]["ok"], 0)
                self.assertGreater(run["cores"]["tideline"], 0, "Tideline runs in all modes")
        self.assert_nothing_left()

    def test_batch_may_be_ffmpeg(self):
        _, summary = self.run_demo("--quick", "--batch", "ffmpeg", "--seconds", "2")
        self.assert_nothing_left()
        self.assertEqual(summary["batch_work_unit"], "frames/s")
        if summary["simulated"]:
            self.skipTest("no real batch on a simulated host")
        work = {run["mode"]: run["batch_work"] for run in summary["runs"]}
        self.assertIsNone(work.pop("alone"))
        for name in ("burstable", "besteffort"):  # where nobody limits it
            self.assertGreater(work.pop(name), 0, name)
        for name, frames in work.items():
            self.assertGreaterEqual(frames, 0, name)

    def test_without_cgroups_it_says_so_and_runs_the_same_programs(self):
        output, summary = self.run_demo("--quick", "--simulate", "--seconds", "2")
        self.assertIn("SIMULATED HOST", output)
        self.assertTrue(summary["simulated"])
        threshold = next(run for run in summary["runs"] if run["mode"] == "threshold")
        self.assertGreater(threshold["best_effort_limit"]["limited_percent"], 0)
        self.assertIsNone(threshold["client"])
        self.assert_nothing_left()

    def test_interrupted_it_leaves_nothing(self):
        for number, after in ((signal.SIGINT, 4), (signal.SIGTERM, 8)):
            with subprocess.Popen(self.command("--quick"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True) as demo:
                time.sleep(after)
                demo.send_signal(number)
                _, errors = demo.communicate(timeout=60)
            self.assertEqual(demo.returncode, 130, errors)
            self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
