"""newcomer.sh on a small repository, with dpkg-query, apt-mark and the demo played by scripts: it tells what is wrong."""

import glob
import os
import signal
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LIST = "# build\ng++  # compiler\n# demo and end-to-end tests\nnginx-light\n# tests only\nclang-tidy\n"
MODES = ("alone", "burstable", "besteffort", "threshold", "work-conserving")


class Newcomer(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="tideline-test-")
        self.addCleanup(self.folder.cleanup)
        self.top = self.folder.name
        for name in ("tmp", "bin", "source/deploy/setup"):
            os.makedirs(f"{self.top}/{name}")
        self.write("installed", "bash installed\nold-config config-files\ng++ installed\n")
        self.write("manual", "bash\ng++\n")
        self.script("bin/dpkg-query", f"cat {self.top}/installed")
        self.script("bin/apt-mark", f"cat {self.top}/manual")
        self.write("source/deploy/setup/packages.txt", LIST)
        self.write("source/.gitignore", "/build/\n")

    def write(self, name, text):
        with open(f"{self.top}/{name}", "w", encoding="ascii") as file:
            file.write(text)

    def script(self, name, text):
        self.write(name, f"#!/bin/bash\n{text}\n")
        os.chmod(f"{self.top}/{name}", 0o755)

    def come(self, package, by_hand=True):
        """-> a line of the demo that installs it."""
        return f"echo {package} installed >>{self.top}/installed\n" + (f"echo {package} >>{self.top}/manual\n" if by_hand else "")

    def run_newcomer(self, *demo, modes=MODES):
        summary = "{\"modes\": {%s}}" % ", ".join(f"\"{mode}\": 1" for mode in modes)
        self.script("source/deploy/demo.sh", "cd \"$(dirname \"$0\")/..\"\n[[ $1 == --quick && ! -e $CCACHE_DIR ]] || exit 9\n"
                    f"mkdir -p build/demo\necho '{summary}' >build/demo/summary.json\n" + "\n".join(demo))
        git = ["git", "-C", f"{self.top}/source", "-c", "user.name=t", "-c", "user.email=t@localhost"]
        for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=x"]):
            subprocess.run([*git, *command], check=True, stdin=subprocess.DEVNULL)
        return subprocess.run([f"{HERE}/newcomer.sh", f"{self.top}/source"], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=50, env=os.environ | {
                                  "PATH": f"{self.top}/bin:{os.environ['PATH']}", "TMPDIR": f"{self.top}/tmp"})

    def assert_failed(self, done, why):
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(why, done.stderr)

    def test_listed_packages_with_what_they_need_are_fine_and_nothing_stays(self):
        done = self.run_newcomer(self.come("nginx-light"), self.come("nginx-common", by_hand=False))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("2 packages came", done.stdout)
        self.assertEqual(os.listdir(f"{self.top}/tmp"), [])

    def test_a_machine_that_has_all_of_it_proves_nothing_of_the_list_and_is_told_so(self):
        self.write("installed", "bash installed\ng++ installed\nnginx-light installed\n")
        done = self.run_newcomer()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("the list was not put to the test", done.stdout)

    def test_a_package_that_the_list_does_not_have_is_named(self):
        done = self.run_newcomer(self.come("nginx-light"), self.come("vim"))
        self.assert_failed(done, "packages asked for that the list does not have: vim")

    def test_what_only_tests_need_does_not_count_as_listed(self):
        done = self.run_newcomer(self.come("nginx-light"), self.come("clang-tidy"))
        self.assert_failed(done, "packages asked for that the list does not have: clang-tidy")

    def test_packages_that_went_or_never_came_are_named(self):
        done = self.run_newcomer(f"echo g++ installed >{self.top}/installed")
        self.assert_failed(done, "packages that went: bash")
        self.assertIn("packages of the list that are missing: nginx-light", done.stderr)

    def test_a_demo_that_fails_or_leaves_out_a_mode_is_told(self):
        done = self.run_newcomer(self.come("nginx-light"), "exit 3", modes=MODES[:4])
        self.assert_failed(done, "deploy/demo.sh --quick: exit 3")
        self.assertIn("summary.json: alone burstable besteffort threshold\n", done.stderr)
        kept = glob.glob(f"{self.top}/tmp/tideline-newcomer-*/clone/build/demo/summary.json")
        self.assertEqual(len(kept), 1)

    def test_files_that_are_left_are_named(self):
        done = self.run_newcomer(self.come("nginx-light"), "mkdir $TMPDIR/tideline-demo-x", "touch deploy/stray")
        self.assert_failed(done, f"file {self.top}/tmp/tideline-demo-x")
        self.assertIn("in the clone: ?? deploy/stray", done.stderr)

    def test_a_process_that_is_left_is_named_whatever_it_is_called(self):
        # Until it has become sleep it is a second bash with the demo's name.
        done = self.run_newcomer(self.come("nginx-light"), f"sleep 300 >&- 2>&- & echo $! >{self.top}/pid",
                                 "until [[ $(</proc/$!/comm) == sleep ]]; do :; done")
        with open(f"{self.top}/pid", encoding="ascii") as file:
            pid = int(file.read())
        os.kill(pid, signal.SIGKILL)
        self.assert_failed(done, f"left behind: process {pid}: sleep 300")


if __name__ == "__main__":
    unittest.main()
