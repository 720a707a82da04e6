"""The demo's figures, parsers and model, without a process."""

import json
import os
import random
import shutil
import subprocess
import tempfile
import types
import unittest
from unittest import mock

import support
from tideline_demo import batch, cgroups, figures, host, modes, options, report, simulation, web
from tideline_demo.experiment import Experiment
from tideline_demo.node_tree import BEST_EFFORT, WEB, NodeTree


def run_of(mode, p99, **more):
    return {"mode": mode, "round": 1, "disturbed": False, "host_busy_percent": 99.0, "outside_cores": 0.01,
            "stolen_cores": 0.0,
            "batch_work": None if mode == "alone" else 1000.0, "seconds": 3.0,
            "cores": {"web": 0.5, "client": 0.02, "tideline": 0.01, "batch": None if mode == "alone" else 1.4},
            "best_effort_limit": {"limited_percent": 0, "throttled_seconds": 0},
            "client": {"ok": 100, "sent": 100, "p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": p99, "p99_9_ms": p99,
                       "scheduling": "SCHED_FIFO"}} | more


def rounds_of(*p99s):
    """Each p99s: one round's p99 in the order of MODES."""
    return [{mode.name: run_of(mode.name, p99) for mode, p99 in zip(modes.MODES, row)} for row in p99s]


class Figures(unittest.TestCase):
    def test_intervals_hold_the_median_and_repeat(self):
        source = random.Random(5)
        rounds = rounds_of(*[[source.gauss(4, 0.5)] * 5 for _ in range(9)])
        figure = figures.median_of("alone", "client.p99_ms")
        low, high = figures.interval(rounds, figure)
        self.assertLess(low, figure(rounds))
        self.assertGreater(high, figure(rounds))
        self.assertEqual((low, high), figures.interval(rounds, figure))

    def test_equal_rounds_leave_no_width(self):
        rounds = rounds_of([4] * 5, [4] * 5, [4] * 5)
        self.assertEqual(figures.interval(rounds, figures.median_of("alone", "client.p99_ms")), (4, 4))

    def test_one_round_has_no_interval(self):
        self.assertIsNone(figures.interval(rounds_of([1] * 5), figures.median_of("alone", "client.p99_ms")))

    def test_changes_are_against_alone(self):
        rounds = rounds_of([4, 12, 5, 4.5, 5])
        self.assertAlmostEqual(figures.change_percent("burstable", "client.p99_ms")(rounds), 200)
        self.assertAlmostEqual(figures.share_of_rise("threshold")(rounds), 6.25)

    def test_a_share_of_no_rise_is_not_told(self):
        self.assertIsNone(figures.share_of_rise("threshold")(rounds_of([4, 4, 5, 5, 5])))


class Report(unittest.TestCase):
    def test_has_a_row_for_each_mode_and_marks_the_disturbed(self):
        rounds = rounds_of([4, 12, 5, 4.5, 5])
        rounds[0]["burstable"]["disturbed"] = True
        _, rows = report.table_rows(rounds, "bogo-ops/s")
        self.assertEqual([row[0] for row in rows[1:]],
                         ["alone", "burstable*", "besteffort", "threshold", "work-conserving"])
        self.assertEqual({len(row) for row in rows}, {len(rows[0])})

    def test_a_missing_figure_is_a_dash_not_a_zero(self):
        rounds = rounds_of([4, 12, 5, 4.5, 5])
        for run in rounds[0].values():
            run["client"] = None
        _, rows = report.table_rows(rounds, "x")
        self.assertEqual(rows[1][1:5], ["-", "-", "-", "-"])

    def test_a_client_that_waited_for_cpus_itself_is_told_of(self):
        rounds = rounds_of([4, 12, 5, 4.5, 5])
        self.assertNotIn("The client", "\n".join(report.findings(rounds)[0]))
        rounds[0]["threshold"]["client"]["scheduling"] = "SCHED_OTHER"
        sentences, found = report.findings(rounds)
        self.assertIn("The client ran as SCHED_FIFO and SCHED_OTHER", "\n".join(sentences))
        self.assertEqual(found["client_scheduling"], ["SCHED_FIFO", "SCHED_OTHER"])

    def test_names_the_weight_when_it_did_most(self):
        sentences, found = report.findings(rounds_of([4, 12, 5, 4.5, 5]))
        self.assertIn("the weight of the besteffort root", "\n".join(sentences))
        self.assertAlmostEqual(found["removed_by_weights_ms"], 7)

    def test_names_the_quota_when_it_did_most(self):
        sentences, _ = report.findings(rounds_of([4, 12, 11, 4.5, 5]))
        self.assertIn("the quota on the besteffort root", "\n".join(sentences))

    def test_claims_nothing_when_nothing_was_hurt(self):
        sentences, _ = report.findings(rounds_of([4, 3, 5, 4.5, 5]))
        self.assertIn("not to be told", "\n".join(sentences))

    def test_goals_are_judged_from_the_medians(self):
        _, found = report.findings(rounds_of([4, 12, 5, 4.5, 5], [4, 12, 5, 4.5, 9]))
        reached = {goal["goal"].split(":")[0] + str(index): goal["reached"] for index, goal in enumerate(found["goals"])}
        self.assertEqual(reached, {"threshold0": True, "threshold1": True, "work-conserving2": False,
                                   "work-conserving3": True, "work-conserving4": True})

    def test_a_goal_within_its_spread_is_said_to_be_so(self):
        noisy = rounds_of([4, 12, 5, 4.5, 5], [4, 12, 5, 4.5, 9], [4, 12, 5, 4.5, 5.5], [4, 12, 5, 4.5, 8])
        sentences, found = report.findings(noisy)
        clear, unclear = found["goals"][0], found["goals"][2]
        self.assertTrue(clear["told_apart"])
        self.assertEqual(clear["measured"], "6 % (95 % [6, 6])")
        self.assertFalse(unclear["told_apart"])
        self.assertRegex(unclear["measured"], r"^34 % \(95 % \[12, 62\]: not told apart from 25 %\)$")
        self.assertIn("not told apart", next(s for s in sentences if "work-conserving: p99's rise" in s))

    def test_a_latency_below_alone_reaches_its_goal_and_the_text_says_that_it_does(self):
        rounds = rounds_of([4, 12, 5, 4.5, 5], [4, 12, 5, 4.5, 5])
        for r in rounds:
            r["threshold"]["client"]["p50_ms"] = 0.5
        _, found = report.findings(rounds)
        goal = found["goals"][1]
        self.assertTrue(goal["reached"])
        self.assertIn("at most 10 % above alone (lower counts as reached)", goal["goal"])
        self.assertEqual(goal["measured"], "-50.0 % (95 % [-50.0, -50.0]) and +0.0 % (95 % [+0.0, +0.0])")

    def test_one_round_tells_no_interval_of_a_goal(self):
        _, found = report.findings(rounds_of([4, 12, 5, 4.5, 5]))
        self.assertEqual(found["goals"][0]["measured"], "6 %")
        self.assertFalse(found["goals"][0]["told_apart"])

    def test_a_difference_within_its_spread_is_not_claimed(self):
        noisy = rounds_of([4, 12, 5, 4.0, 5], [4, 12, 5, 6.0, 5], [4, 12, 5, 4.9, 5], [4, 12, 5, 5.2, 5])
        sentences, _ = report.findings(noisy)
        self.assertIn("not told apart", next(s for s in sentences if s.startswith("What threshold adds")))
        clear = rounds_of(*[[4, 12, 8, 4.5, 5]] * 4)
        sentences, _ = report.findings(clear)
        self.assertIn("-3.50 ms (95 % [-3.50, -3.50])", next(s for s in sentences if s.startswith("What threshold")))

    def test_disturbed_runs_and_single_rounds_are_said_first(self):
        rounds = rounds_of([4, 12, 5, 4.5, 5])
        rounds[0]["alone"]["disturbed"] = True
        sentences, _ = report.findings(rounds)
        self.assertIn("no measurement", sentences[0])
        self.assertIn("1 of 5 runs were disturbed", sentences[1])


class Cgroups(unittest.TestCase):
    def test_finds_v1_controllers_also_when_mounted_together(self):
        mounts = cgroups.find_mounts(
            "30 20 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n"
            "31 20 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
            "32 20 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
            "33 20 0:29 /part /mnt/part rw - cgroup cgroup rw,pids\n")
        self.assertEqual(mounts["cpu"], "/sys/fs/cgroup/cpu,cpuacct")
        self.assertEqual(mounts["cpuacct"], mounts["cpu"])
        self.assertEqual(mounts[""], "/sys/fs/cgroup/unified")
        self.assertNotIn("pids", mounts)

    def test_weights_are_kubelets(self):
        self.assertEqual(cgroups.shares_from_millicores(500), 512)
        self.assertEqual(cgroups.shares_from_millicores(0), 2)
        self.assertEqual(cgroups.weight_from_shares(2), 1)
        self.assertEqual(cgroups.weight_from_shares(1024), 39)
        self.assertEqual(cgroups.weight_from_shares(262144), 10000)


    def test_v2_is_driven_by_its_own_files(self):
        with tempfile.TemporaryDirectory(prefix="tideline-test-") as top:
            for name, text in (("cgroup.controllers", "cpuset cpu io memory"), ("cgroup.subtree_control", "memory"),
                               ("mountinfo", f"30 20 0:26 / {top} rw - cgroup2 cgroup2 rw\n")):
                with open(f"{top}/{name}", "w", encoding="ascii") as file:
                    file.write(text)
            tree = cgroups.Tree("demo", f"{top}/mountinfo")
            self.assertEqual(tree.version, 2)
            NodeTree(tree, 2)
            self.assertEqual(tree.shares_text(BEST_EFFORT), "cpu.weight 1")
            with open(f"{top}/demo/kubepods/cgroup.subtree_control", encoding="ascii") as file:
                self.assertEqual(file.read(), "+cpu +memory")
            for name, text in (("cpu.max", "60000 100000"),
                               ("cpu.stat", "usage_usec 1500000\nnr_throttled 3\nthrottled_usec 250000\n")):
                with open(f"{top}/demo/{BEST_EFFORT}/{name}", "w", encoding="ascii") as file:
                    file.write(text)
            self.assertEqual(tree.quota_cores(BEST_EFFORT), 0.6)
            self.assertEqual(tree.cpu_seconds(BEST_EFFORT), 1.5)
            self.assertEqual(tree.throttled_seconds(BEST_EFFORT), 0.25)
            self.assertEqual(tree.process_files(WEB), [f"{top}/demo/{WEB}/cgroup.procs"])

    def test_a_host_without_a_cpu_controller_is_named_so(self):
        with tempfile.TemporaryDirectory(prefix="tideline-test-") as top:
            with open(f"{top}/mountinfo", "w", encoding="ascii") as file:
                file.write("22 20 0:26 / /proc rw - proc proc rw\n")
            with self.assertRaisesRegex(cgroups.Unusable, "no cgroup hierarchy with a cpu controller"):
                cgroups.Tree("demo", f"{top}/mountinfo")


class Modes(unittest.TestCase):
    def test_policies_are_koordinators_keys(self):
        by_name = {mode.name: modes.policy_documents(mode) for mode in modes.MODES}
        threshold = json.loads(by_name["threshold"]["resource-threshold-config"])["clusterStrategy"]
        self.assertEqual(threshold, {"enable": True, "cpuSuppressThresholdPercent": 65,
                                     "cpuSuppressPolicy": "cfsQuota"})
        for name in ("alone", "burstable", "besteffort"):
            self.assertEqual(json.loads(by_name[name]["resource-threshold-config"])["clusterStrategy"],
                             {"enable": False})

    def test_the_pods_are_those_of_the_mode(self):
        kinds = {mode.name: [(p["name"], p["qosClass"], p["kubeQosClass"]) for p in modes.pods(mode, 2, "x")["pods"]]
                 for mode in modes.MODES}
        web_pod = ("web", "LS", "Burstable")
        self.assertEqual(kinds["alone"], [web_pod])
        self.assertEqual(kinds["burstable"], [web_pod, ("batch", "LS", "Burstable")])
        self.assertEqual(kinds["threshold"], [web_pod, ("batch", "BE", "BestEffort")])


class Host(unittest.TestCase):
    def test_idle_is_idle_and_iowait_and_stolen_time_is_apart(self):
        self.assertEqual(host.parse_stat("cpu  1 2 3 400 50 6 7 8 9 0\ncpu0 1 1 1 1 1\n"),
                         (450 / host.TICK, 8 / host.TICK))

    def test_stolen_time_is_neither_busy_nor_outside(self):
        class Tree:
            def cpu_seconds(self, group):
                return 0.0

        times = iter([(0.0, 0.0), (0.0, 1000.0)])
        window = host.Window(Tree(), stat=lambda: next(times))
        measured = window.stop()
        self.assertGreater(measured["stolen_cores"], 1)
        self.assertEqual(measured["outside_cores"], 0)


class QuietHost(unittest.TestCase):
    """The wait before a run, with a clock of its own."""

    def wait(self, samples, bound_seconds, limit_cores=0.1):
        """samples: (outside, stolen) cores of one after the other, the last for ever. -> cores, seconds waited, what was
        said."""
        clock, said, samples = [0.0], [], list(samples)

        class Window:
            def __init__(self, tree):
                pass

            def stop(self):
                outside, stolen = samples.pop(0) if len(samples) > 1 else samples[0]
                return {"outside_cores": outside, "stolen_cores": stolen}

        def sleep(seconds):
            clock[0] += seconds

        with mock.patch.object(host, "Window", Window), \
                mock.patch.object(host, "time", types.SimpleNamespace(monotonic=lambda: clock[0], sleep=sleep)):
            cores = host.wait_until_quiet(None, limit_cores, bound_seconds, said.append)
        return cores, clock[0], said

    def test_a_run_begins_at_the_first_quiet_sample(self):
        self.assertEqual(self.wait([(0.9, 0.0), (0.3, 0.0), (0.05, 0.0), (0.9, 0.0)], 60), (0.05, 1.5, []))

    def test_what_the_hypervisor_takes_is_no_quiet(self):
        self.assertEqual(self.wait([(0.0, 0.5), (0.0, 0.0)], 60)[1], 1.0)

    def test_a_host_that_is_never_quiet_is_not_waited_for_beyond_the_bound(self):
        cores, waited, said = self.wait([(0.7, 0.1)], 60)
        self.assertAlmostEqual(cores, 0.8)
        self.assertEqual(waited, 60)
        self.assertEqual(len(said), 4)
        self.assertIn("others use 0.80 cores, 0.10 are allowed", said[0])


class Gated(unittest.TestCase):
    """A disturbed run is done again at most twice, then kept and marked. Two CPUs: 0.1 cores outside and 0.005 stolen
    are allowed."""

    QUIET, BUSY, STOLEN = {"outside_cores": 0.02}, {"outside_cores": 0.3}, {"stolen_cores": 0.02}

    def run_gated(self, *runs, retries=2):
        """runs: what each attempt saw. -> the run that is kept, attempts made, what was said."""
        left, said = list(runs), []
        settings = types.SimpleNamespace(batch="stress-ng", rps=100, retries=retries)
        experiment = Experiment(settings, types.SimpleNamespace(tree=None, cpus=2), None, None, "", "", said.append)
        with mock.patch.object(experiment, "_run", lambda mode, number: run_of(mode.name, 4, **left.pop(0))):
            kept = experiment._run_gated(modes.MODES[0], 1, "1/5")
        return kept, len(runs) - len(left), said

    def test_a_quiet_run_is_done_once(self):
        kept, attempts, said = self.run_gated(self.QUIET, self.BUSY)
        self.assertEqual((kept["disturbed"], attempts, len(said)), (False, 1, 1))

    def test_two_disturbed_runs_are_done_again_and_the_quiet_one_is_kept(self):
        kept, attempts, said = self.run_gated(self.BUSY, self.STOLEN, self.QUIET, self.QUIET)
        self.assertEqual((kept["disturbed"], attempts), (False, 3))
        self.assertEqual(kept["outside_cores"], 0.02)
        self.assertEqual(kept["attempts"], [{"outside_cores": 0.3, "stolen_cores": 0.0},
                                            {"outside_cores": 0.01, "stolen_cores": 0.02},
                                            {"outside_cores": 0.02, "stolen_cores": 0.0}])
        self.assertEqual([line.endswith("; disturbed, again") for line in said], [True, True, False])

    def test_a_third_disturbed_run_is_kept_and_marked(self):
        kept, attempts, said = self.run_gated(self.BUSY, self.BUSY, self.STOLEN, self.QUIET)
        self.assertEqual((kept["disturbed"], attempts, len(kept["attempts"])), (True, 3, 3))
        self.assertNotIn("again", said[-1])
        _, rows = report.table_rows([{mode.name: run_of(mode.name, 4) for mode in modes.MODES} | {"alone": kept}], "x")
        self.assertEqual(rows[1][0], "alone*")

    def test_a_quick_run_is_kept_as_it_is(self):
        kept, attempts, _ = self.run_gated(self.BUSY, self.QUIET, retries=0)
        self.assertEqual((kept["disturbed"], attempts), (True, 1))


class Batch(unittest.TestCase):
    def test_frames_of_the_run_before_are_not_counted(self):
        with tempfile.TemporaryDirectory(prefix="tideline-test-") as folder, \
                mock.patch.object(batch, "Process"):
            first = batch.Ffmpeg(folder, "log", 2, ())
            first.begin_window()
            with open(f"{folder}/ffmpeg.progress", "w", encoding="ascii") as file:
                file.write("frame=30\nfps=30\nframe=90\n")
            first.end_window(3)
            self.assertEqual(first.stop(), 30)
            second = batch.Ffmpeg(folder, "log", 2, ())
            second.begin_window()
            second.end_window(3)
            self.assertEqual(second.stop(), 0)


class Page(unittest.TestCase):
    def test_is_48_kib_of_compressible_text_and_always_the_same(self):
        import zlib
        text = web.page_text()
        self.assertEqual(len(text), 48 * 1024)
        self.assertEqual(text, web.page_text())
        packed = len(zlib.compress(text.encode(), 1))
        self.assertTrue(0.2 < packed / len(text) < 0.6, packed)


class Options(unittest.TestCase):
    def parse(self, *arguments):
        return options.parse(["--bin", "b", "--output", "o", *arguments])

    def test_full_means_at_least_seven_rounds_with_retries(self):
        parsed = self.parse()
        self.assertGreaterEqual(parsed.rounds, 7)
        self.assertEqual(parsed.retries, 2)

    def test_quick_is_one_round_without_retries(self):
        parsed = self.parse("--quick")
        self.assertEqual((parsed.rounds, parsed.retries), (1, 0))

    def test_nonsense_is_refused(self):
        for bad in ("--rounds=0", "--seconds=-1", "--batch=doom", "--rps=x"):
            with self.assertRaises(SystemExit), open(os.devnull, "w", encoding="ascii") as null:
                import contextlib
                with contextlib.redirect_stderr(null):
                    self.parse(bad)


class Simulation(unittest.TestCase):
    """The model obeys the files that Tideline writes."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="tideline-test-")
        self.addCleanup(self.folder.cleanup)
        self.tree = simulation.SimulatedTree(self.folder.name, "demo")
        self.node_tree = NodeTree(self.tree, 2)
        self.model = simulation.SimulatedHost(self.tree, 2, 1)
        self.model.stop()

    def test_batch_gets_what_is_left_below_the_besteffort_root(self):
        self.model.start_batch("besteffort", self.node_tree.add_batch("besteffort", "x"))
        used, batch = self.model.step(1)
        self.assertAlmostEqual(used + batch, 2)

    def test_batch_obeys_the_quota_that_is_written(self):
        self.model.start_batch("besteffort", self.node_tree.add_batch("besteffort", "x"))
        with open(self.tree.path(BEST_EFFORT, "cpu", "cpu.cfs_quota_us"), "w", encoding="ascii") as file:
            file.write("60000")
        self.assertAlmostEqual(self.model.step(1)[1], 0.6)

    def test_counters_of_all_groups_above_grow_with_a_group(self):
        before = self.tree.cpu_seconds(), self.tree.cpu_seconds(WEB)
        self.model.step(1)
        self.model.write(0, 0)
        after = self.tree.cpu_seconds(), self.tree.cpu_seconds(WEB)
        self.assertGreater(after[0], before[0])
        self.assertAlmostEqual(after[0] - before[0], after[1] - before[1])

    def test_a_batch_made_again_starts_from_nothing(self):
        self.model.start_batch("besteffort", self.node_tree.add_batch("besteffort", "x"))
        self.model.step(1)
        self.model.stop_batch()
        self.node_tree.remove_batch()
        group = self.node_tree.add_batch("besteffort", "x")
        self.model.start_batch("besteffort", group)
        self.model.write(0, 0)
        self.assertEqual(self.tree.cpu_seconds(group), 0)


class Build(unittest.TestCase):
    """demo.sh with the packages, CMake and the demo itself played by scripts."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="tideline-test-")
        self.addCleanup(self.folder.cleanup)
        self.root = self.folder.name
        self.log = f"{self.root}/build/demo-build.log"
        os.makedirs(f"{self.root}/deploy/setup")
        shutil.copy(f"{support.SOURCE}/deploy/demo.sh", f"{self.root}/deploy")
        self.script("deploy/setup/install.sh", "exit 0")
        self.script("bin/python3", "echo the demo runs")

    def script(self, name, text):
        os.makedirs(os.path.dirname(f"{self.root}/{name}"), exist_ok=True)
        with open(f"{self.root}/{name}", "w", encoding="ascii") as file:
            file.write(f"#!/bin/bash\n{text}\n")
        os.chmod(f"{self.root}/{name}", 0o755)

    def play_cmake(self, code):
        self.script("bin/cmake", "[[ $1 == --build ]] || { echo '-- Configuring done'; exit 0; }\n"
                                 "for ((i = 1; i <= 400; i++)); do echo \"[$i/400] Building $i\"; done\n"
                                 f"echo 'x.cpp:3: error: no such thing' >&2; exit {code}")

    def run_demo(self, stdout=subprocess.PIPE):
        return subprocess.run(["bash", f"{self.root}/deploy/demo.sh", "--quick"], stdin=subprocess.DEVNULL, stdout=stdout,
                              stderr=subprocess.PIPE, text=True, timeout=50,
                              env=os.environ | {"PATH": f"{self.root}/bin:{os.environ['PATH']}"})

    def test_a_long_build_is_seen_to_go_on_in_a_few_lines(self):
        self.play_cmake(0)
        done = self.run_demo()
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertIn("  configured", lines)
        built = [line for line in lines if line.startswith("  built ")]
        self.assertEqual(len(built), 21)
        self.assertIn("  built 50 %: 200 of 400", built)
        self.assertEqual(lines[-1], "the demo runs")
        with open(self.log, encoding="ascii") as file:
            self.assertIn("[399/400] Building 399\n", file.read())

    def test_on_a_terminal_it_is_one_line_that_is_written_anew(self):
        self.play_cmake(0)
        ours, theirs = os.openpty()
        try:
            done = self.run_demo(theirs)
            shown = os.read(ours, 65536).decode()
        finally:
            os.close(ours)
            os.close(theirs)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [line.split("\r")[-1] for line in shown.replace("\r\n", "\n").split("\n") if "built" in line]
        self.assertEqual(lines, ["\x1b[K  built 100 %: 400 of 400"])

    def test_an_error_of_the_build_is_shown_and_ends_it(self):
        self.play_cmake(1)
        done = self.run_demo()
        self.assertEqual(done.returncode, 1)
        self.assertIn("x.cpp:3: error: no such thing", done.stderr)
        self.assertNotIn("the demo runs", done.stdout)


class Certificates(unittest.TestCase):
    def test_chain_names_and_uses_are_right_and_keys_private(self):
        with tempfile.TemporaryDirectory(prefix="tideline-test-") as folder:
            made = f"{folder}/tls"
            subprocess.run([f"{support.SOURCE}/deploy/demo/certs.sh", made, "n1", "viewer:x"], check=True,
                           stdin=subprocess.DEVNULL)
            self.assertEqual(sorted(os.listdir(made)), ["ca.crt", "coordinator.crt", "coordinator.key", "node.crt",
                                                        "node.key", "operator.crt", "operator.key"])

            def openssl(*arguments):
                return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout

            for who in ("coordinator", "node", "operator"):
                purpose = "sslserver" if who == "coordinator" else "sslclient"
                openssl("verify", "-purpose", purpose, "-CAfile", f"{made}/ca.crt", f"{made}/{who}.crt")
                self.assertEqual(os.stat(f"{made}/{who}.key").st_mode & 0o077, 0)
            self.assertIn("DNS:n1.node.tideline", openssl("x509", "-in", f"{made}/node.crt", "-noout", "-ext",
                                                          "subjectAltName"))
            self.assertIn("DNS:coordinator.tideline", openssl("x509", "-in", f"{made}/coordinator.crt", "-noout",
                                                              "-ext", "subjectAltName"))
            self.assertIn("viewer:x", openssl("x509", "-in", f"{made}/operator.crt", "-noout", "-subject"))


if __name__ == "__main__":
    unittest.main()
