"""deploy/setup/install.sh with dpkg-query and apt-get played by scripts: it asks for what is missing and no more."""

import os
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
INSTALL = f"{ROOT}/deploy/setup/install.sh"


def listed():
    with open(f"{ROOT}/deploy/setup/packages.txt", encoding="ascii") as file:
        return [line.split("#")[0].split("|")[0].strip() for line in file if line.split("#")[0].strip()]


class Install(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="tideline-test-")
        self.addCleanup(self.folder.cleanup)
        os.chmod(self.folder.name, 0o755)
        self.asked = f"{self.folder.name}/asked"

    def script(self, name, text):
        path = f"{self.folder.name}/{name}"
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)

    def install(self, present, prefix=(), arguments=()):
        self.script("dpkg-query", "\n".join(f"echo {package} installed" for package in present) +
                    "\necho clang-tidy config-files")
        self.script("apt-get", f'echo "$@" >> {self.asked}')
        return subprocess.run([*prefix, "/bin/bash", INSTALL, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=os.environ | {"PATH": f"{self.folder.name}:{os.environ['PATH']}"})

    def asked_for(self):
        if not os.path.exists(self.asked):
            return []
        with open(self.asked, encoding="ascii") as file:
            return file.read().splitlines()

    def test_nothing_missing_asks_for_nothing_and_says_nothing(self):
        done = self.install(listed())
        self.assertEqual((done.returncode, done.stdout, done.stderr, self.asked_for()), (0, "", "", []))

    @unittest.skipIf(os.geteuid() != 0, "not root")
    def test_root_installs_what_is_missing_and_no_more(self):
        done = self.install([p for p in listed() if p not in ("nginx-light", "clang-tidy")])
        self.assertEqual(done.returncode, 0, done.stderr)
        update, install = self.asked_for()
        self.assertIn("update", update)
        self.assertTrue(install.endswith("nginx-light clang-tidy"), install)
        self.assertIn("--no-install-recommends", install)

    @unittest.skipIf(os.geteuid() != 0, "not root")
    def test_the_demo_does_without_what_only_tests_need(self):
        done = self.install([], arguments=["--demo"])
        self.assertEqual(done.returncode, 0, done.stderr)
        asked = self.asked_for()[-1].split()
        self.assertIn("nginx-light", asked)
        self.assertIn("g++", asked)
        for package in ("clang-tidy", "qemu-system-x86"):
            self.assertIn(package, listed())
            self.assertNotIn(package, asked)

    @unittest.skipIf(os.geteuid() != 0, "not root")
    def test_agents_to_measure_beside_come_only_when_asked_for(self):
        for arguments, wanted in (((), False), (("--demo",), False), (("--benchmarks",), True)):
            done = self.install([], arguments=arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            asked = self.asked_for()[-1].split()
            self.assertIn("nginx-light", asked)
            for package in ("netdata-core", "earlyoom"):
                self.assertIn(package, listed())
                self.assertEqual(package in asked, wanted, arguments)

    @unittest.skipIf(os.geteuid() != 0, "not root")
    def test_an_image_has_only_what_its_program_is_linked_with(self):
        done = self.install([], arguments=["--image", "node"])
        self.assertEqual(done.returncode, 0, done.stderr)
        asked = self.asked_for()[-1].split()
        self.assertIn("libhwloc15", asked)
        for package in ("g++", "clang-tidy", "librocksdb7.8", "golang-1.19-go"):
            self.assertIn(package, listed())
            self.assertNotIn(package, asked)

    def test_either_of_two_packages_will_do(self):
        done = self.install([p for p in listed() if p != "kubernetes-client"] + ["kubectl"])
        self.assertEqual((done.returncode, self.asked_for()), (0, []), done.stderr)

    @unittest.skipIf(os.geteuid() != 0, "not root")
    def test_the_sanitizers_compiler_does_not_come_for_the_demo(self):
        for arguments, wanted in (((), True), (("--demo",), False), (("--benchmarks",), True)):
            done = self.install([], arguments=arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            asked = self.asked_for()[-1].split()
            self.assertIn("nginx-light", asked)
            for package in ("clang", "libclang-rt-dev"):
                self.assertIn(package, listed())
                self.assertEqual(package in asked, wanted, arguments)
            self.assertEqual("clang-tidy" in asked, arguments != ("--demo",), arguments)

    def test_an_unknown_argument_is_refused(self):
        done = self.install(listed(), arguments=["--demon"])
        self.assertEqual(done.returncode, 2)
        self.assertIn("--demon", done.stderr)

    def test_others_are_told_what_is_missing_and_the_command(self):
        prefix = ("setpriv", "--reuid=65534", "--clear-groups") if os.geteuid() == 0 else ()
        done = self.install([p for p in listed() if p != "ffmpeg"], prefix)
        self.assertEqual(done.returncode, 1)
        self.assertIn("apt-get install --no-install-recommends", done.stderr)
        self.assertIn("ffmpeg", done.stderr)
        self.assertEqual(self.asked_for(), [])


if __name__ == "__main__":
    unittest.main()
