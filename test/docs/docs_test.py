#!/usr/bin/env python3
"""The documents are true: their commands run as pasted, their links lead somewhere, the reference is what the programs say.

A ```sh block is run, in order per document, in one bash session in an empty directory; ```sh kubernetes is run by
kubernetes_docs_test.py, where there is an API server; ```sh untested is counted and not run. A block without a mark, or marked text, is no command. `TIDELINE_BIN` is first in PATH, `TIDELINE` is the source
tree.
"""

import fnmatch
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
import generate  # noqa: E402

SOURCE = generate.SOURCE
BIN = os.environ.get("TIDELINE_BIN", f"{SOURCE}/build/release/bin")
SESSION_SECONDS = 75
# Entry scripts that build everything: other tests and CI run them. Here they must exist and answer --help.
ENTRY_SCRIPTS = {"deploy/demo.sh --quick": "deploy/demo.sh", "test/run.sh": "test/run.sh"}
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```\s*$", re.DOTALL | re.MULTILINE)


def documents():
    return ["README.md"] + sorted(f"docs/{name}" for name in os.listdir(f"{SOURCE}/docs") if name.endswith(".md"))


def all_markdown():
    listed = subprocess.run(["git", "-C", SOURCE, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
                            capture_output=True, text=True).stdout.split("\0")
    found = [path for path in listed if path and os.path.isfile(f"{SOURCE}/{path}")]
    return found or documents()


def text_of(path):
    with open(f"{SOURCE}/{path}", encoding="utf-8") as file:
        return file.read()


def blocks(text, fence):
    """-> [(line number, code)] of the blocks whose opening line is exactly ```fence."""
    return [(text[:m.start()].count("\n") + 2, m.group(2)) for m in FENCE.finditer(text) if m.group(1).strip() == fence]


# Of this tree: a path, or at the begin of a block a program's name; variables may be set before it.
TREE_PATH = re.compile(r"(?:\./)?(?:deploy|test|build)/\S+")
PROGRAM = re.compile(r"(?:tidectl|tideline-\w+|bench_\w+|test_\w+)")


def hidden_command(code):
    """The first line of a block not marked as sh that is a command nevertheless, or None."""
    for number, line in enumerate(code.splitlines()):
        words = line.split()
        while words and re.match(r"[A-Za-z_]\w*=|\$$|\.\.\.$", words[0]):
            words.pop(0)
        if words and (TREE_PATH.fullmatch(words[0]) or (number == 0 and PROGRAM.fullmatch(words[0]))):
            return line
    return None


def entry_script(line):
    """The script that a line of README runs, if it is one of the two commands; else None."""
    return ENTRY_SCRIPTS.get(line.split("#")[0].strip())


class Session:
    """One bash with everything it starts: a process group of its own, ended at the end whatever happens."""

    def __init__(self, name, code, directory, variables=None):
        self.group = f"tideline-docs-{os.getpid()}-{re.sub('[^a-z]', '', name.lower())}"
        self.log = f"{directory}/session.log"
        work = f"{directory}/work"
        os.mkdir(work)
        environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": directory, "TIDELINE": SOURCE, "G": self.group,
                       "LANG": "C.UTF-8", **(variables or {})}
        with open(self.log, "wb") as log:
            self.bash = subprocess.Popen(["bash", "-c", code], cwd=work, env=environment, stdin=subprocess.DEVNULL,
                                         stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    def finish(self, seconds=SESSION_SECONDS):
        """-> (exit status or None for a timeout, output, commands that were still running)."""
        try:
            status = self.bash.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        left = self.members()
        for number in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + 8
            for pid in self.members():
                self.send(pid, number)
            while self.members() and time.monotonic() < deadline:
                time.sleep(0.05)
        self.bash.wait()
        self.remove_groups()
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return status, log.read(), list(left.values())

    def members(self):
        """Live processes of the session: {pid: command line}."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
                if int(fields[3]) == self.bash.pid and fields[0] != "Z":
                    with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                        found[int(pid)] = file.read().replace("\0", " ")
            except OSError:
                continue
        return found

    @staticmethod
    def send(pid, number):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    def remove_groups(self):
        roots = ["/sys/fs/cgroup"] + [f"/sys/fs/cgroup/{name}" for name in sorted(os.listdir("/sys/fs/cgroup"))]
        for root in roots:
            if not os.path.isdir(f"{root}/{self.group}"):
                continue
            for folder, _, _ in os.walk(f"{root}/{self.group}", topdown=False):
                try:
                    os.rmdir(folder)
                except OSError as problem:
                    print(f"left behind: {folder}: {problem.strerror}", file=sys.stderr)


def missing():
    """What this machine lacks to run the documents' commands, or ""."""
    if os.geteuid() != 0:
        return "root"
    cpu = "/sys/fs/cgroup" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else "/sys/fs/cgroup/cpu"
    return "" if os.access(cpu, os.W_OK) else f"a writable {cpu}"


def run_blocks(name, found, before="", variables=None, seconds=SESSION_SECONDS):
    """-> "" or what went wrong, with the block's line and the session's last words. `before`: commands that come first."""
    code = f"set -e\n{before}\n"
    for line, block in found:
        code += f"printf '@@ %s\\n' {line}\n{block}\n"
    with tempfile.TemporaryDirectory(prefix="tideline-docs-") as directory:
        status, output, left = Session(name, code, directory, variables).finish(seconds)
    lines = re.findall(r"^@@ (\d+)$", output, re.MULTILINE)
    where = f"{name}:{lines[-1]}" if lines else name
    tail = "\n".join(output.splitlines()[-40:])
    if status is None:
        return f"{where}: still running after {seconds} s\n{tail}"
    if status != 0:
        return f"{where}: exit {status}\n{tail}"
    return f"{name}: left running: {left}\n{tail}" if left else ""


class Commands(unittest.TestCase):
    def test_run_as_pasted(self):
        untested = 0
        for path in documents():
            text = text_of(path)
            untested += len(blocks(text, "sh untested"))
            found = blocks(text, "sh")
            if path == "README.md":
                found = [(line, self.without_entry_scripts(code)) for line, code in found]
            found = [(line, code) for line, code in found if code.strip()]
            if not found:
                continue
            with self.subTest(document=path):
                if missing():
                    self.skipTest(f"{len(found)} blocks need {missing()}")
                problem = run_blocks(path, found)
                self.assertFalse(problem, "\n" + problem)
                print(f"{path}: {len(found)} blocks ran")
        print(f"blocks marked untested: {untested}")

    def without_entry_scripts(self, code):
        kept = []
        for line in code.splitlines():
            script = entry_script(line)
            if not script:
                kept.append(line)
                continue
            done = subprocess.run([f"{SOURCE}/{script}", "--help"], capture_output=True, text=True, timeout=30,
                                  stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, f"{script} --help: {done.stderr}")
            self.assertIn(os.path.basename(script), done.stdout)
        return "\n".join(kept)

    def test_entry_scripts_are_in_the_readme(self):
        lines = [entry_script(line) for _, code in blocks(text_of("README.md"), "sh") for line in code.splitlines()]
        self.assertEqual(sorted(filter(None, lines)), sorted(ENTRY_SCRIPTS.values()))

    def test_no_block_is_marked_in_a_way_that_hides_it(self):
        for path in all_markdown():
            text = text_of(path)
            for m in FENCE.finditer(text):
                fence, where = m.group(1).strip(), f"{path}:{text[:m.start()].count(chr(10)) + 1}"
                self.assertNotRegex(fence, r"^(bash|shell|console|sh (?!(untested|kubernetes)$).*)$", where)
                if fence in ("", "text"):
                    self.assertIsNone(hidden_command(m.group(2)), f"{where}: a command is marked sh, or sh untested")
                if path not in documents():
                    self.assertNotEqual(fence, "sh", f"{where}: only README.md and docs are run; mark it sh untested")
                if path != "docs/kubernetes.md":
                    self.assertNotEqual(fence, "sh kubernetes", f"{where}: docs/kubernetes.md alone has an API server")

    def test_a_command_is_told_from_what_a_program_says(self):
        for code in ("deploy/demo.sh            # 7 rounds\n", "TIDELINE_BIN=build/release/bin build/release/bin/bench_x\n",
                     "bench_node_cost --seconds 60\n second  %\n", "tidectl nodes\n", "$ tidectl nodes\n", "... bench_x --pods 500\n",
                     "nodes  p99\n2000    34\ntest/bench/sessions.py --sizes 2000\n"):
            self.assertIsNotNone(hidden_command(code), code)
        for code in ("", "\n", "                  %\nbench_node_cost   0.44\n", "mode  p50\nalone 0.8\n",
                     "ok   TLS files: tls/node.crt\n", "charged = use\n"):
            self.assertIsNone(hidden_command(code), code)

    def test_a_failing_block_is_named_by_its_line(self):
        self.assertIn("x.md:7: exit 3", run_blocks("x.md", [(3, "true"), (7, "exit 3")]))

    def test_a_session_has_the_time_it_is_given(self):
        self.assertIn("x.md:3: still running after 0.2 s", run_blocks("x.md", [(3, "sleep 4320")], seconds=0.2))

    def test_a_process_left_running_is_found_and_ended(self):
        problem = run_blocks("x.md", [(3, "sleep 4321 & disown")])
        self.assertIn("left running", problem)
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    self.assertNotEqual(file.read(), b"sleep\x004321\x00")
            except OSError:
                continue


class Links(unittest.TestCase):
    def test_relative_links_lead_to_files_and_headings(self):
        broken = []
        for path in all_markdown():
            text = FENCE.sub("", text_of(path))
            for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", text):
                if re.match(r"[a-z]+:", target):
                    continue
                file, _, anchor = target.partition("#")
                wanted = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
                if not os.path.exists(f"{SOURCE}/{wanted}"):
                    broken.append(f"{path}: {target}")
                elif anchor and wanted.endswith(".md") and anchor not in headings(text_of(wanted)):
                    broken.append(f"{path}: {target}: no such heading")
        self.assertFalse(broken, broken)


def headings(text):
    found = set()
    for title in re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE):
        found.add(re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-"))
    return found


class Reference(unittest.TestCase):
    def test_configuration_is_what_the_programs_say(self):
        self.assertEqual(text_of("docs/configuration.md"), generate.configuration(BIN),
                         "run test/docs/generate.py BIN and commit docs/configuration.md")

    def test_every_option_is_in_it_and_no_other(self):
        said = set()
        for command in (("tideline-node",), ("tideline-node", "run"), ("tideline-node", "release"),
                        ("tideline-node", "audit"), ("tideline-coordinator",),
                        ("tideline-fleet", "certs"), ("tideline-fleet", "run"), ("tideline-fleet", "bench"), ("tidectl",),
                        *(("tideline-planner", name) for name in ("import", "scan", "predictors", "replay", "fit", "merge", "compare", "sweep",
                                                                  "capacity", "explain")),
                        *(("tideline-history", name) for name in ("state", "verify", "backup", "backups", "restore",
                                                                  "salvage", "export", "import")),
                        *(("tidectl", name) for name in ("nodes", "node", "pods", "cluster", "history", "query", "events", "watch",
                                                         "explain", "hands-off")),
                        ("tidectl", "policy", "get"), ("tidectl", "policy", "check"), ("tidectl", "policy", "apply"),
                        ("tidectl", "hands-off", "list"), ("tidectl", "hands-off", "end"), ("tidectl", "explain", "node"),
                        ("tidectl", "explain", "reclaimed"), ("tidectl", "node", "n", "release")):
            said |= set(re.findall(r"^  (?:-\w,)?(--[\w-]+)", generate.help_of(BIN, *command), re.MULTILINE))
        documented = set(re.findall(r"^\| `(--[\w-]+)`", text_of("docs/configuration.md"), re.MULTILINE))
        self.assertEqual(documented, said - {"--help"})

    def test_options_in_prose_exist(self):
        known = set(re.findall(r"^\| `(--[\w-]+)`", text_of("docs/configuration.md"), re.MULTILINE)) | {"--help"}
        for path in ("docs/concepts.md", "docs/history.md", "docs/kubernetes.md", "docs/operations.md", "docs/planner.md", "docs/pods-file.md",
                     "docs/rehearsal.md", "docs/traces.md"):
            for span in re.findall(r"`([^`\n]+)`", FENCE.sub("", text_of(path))):
                if span.startswith(("--", "tidectl", "tideline-")):
                    for option in re.findall(r"(?:^|\s)(--[a-z-]+)", span):
                        self.assertIn(option, known, path)

    def test_log_events_are_those_of_the_code(self):
        logged = set()
        for room in ("node-actor", "coordinator", "k8s-bridge", "messages/link", "storage"):
            for folder, _, names in os.walk(f"{SOURCE}/{room}"):
                for name in names:
                    if name.endswith(".cpp"):
                        code = text_of(os.path.relpath(f"{folder}/{name}", SOURCE))
                        logged |= set(re.findall(r'log::(?:info|warn|error)\(\s*"([a-z-]+)"', code))
                        logged |= set(re.findall(r'log::write\([^,]*, "([a-z-]+)"', code))
        documented = set(re.findall(r"^\| `([a-z-]+)` \| (?:node|coordinator|both|tideline-fleet) \|", text_of("docs/operations.md"), re.MULTILINE))
        self.assertEqual(documented, logged)

    def test_reasons_are_those_of_the_code(self):
        documented = set(re.findall(r"^\| `([a-z-]+)` \| (?:limit|burst|qos|cpuset|batch|evict|memory|relief|work|guard|fleet) \|",
                                    text_of("docs/operations.md"), re.MULTILINE))
        self.assertEqual(documented, reasons())

    def test_json_examples_are_accepted(self):
        for path in documents():
            for line, code in blocks(text_of(path), "json"):
                with self.subTest(where=f"{path}:{line}"), tempfile.TemporaryDirectory(prefix="tideline-docs-") as directory:
                    document = json.loads(code)
                    if "pods" in document:
                        self.assert_pods(directory, code)
                    else:
                        self.assert_policy(directory, code, document)

    def assert_pods(self, directory, code):
        with open(f"{directory}/pods.json", "w", encoding="utf-8") as file:
            file.write(code)
        done = subprocess.run([f"{BIN}/tideline-node", "check", "--node-name", "n", "--coordinator", "none:1", "--pods-file",
                               f"{directory}/pods.json"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertIn(f"ok   pods file {directory}/pods.json", done.stdout + done.stderr)

    def assert_policy(self, directory, code, document):
        key = "colocation-config" if "cpuReclaimThresholdPercent" in document else "resource-threshold-config"
        if "dryRun" in code:
            key = "tideline-config"
        if "applications" in document:
            key = "host-application-config"
        with open(f"{directory}/{key}.json", "w", encoding="utf-8") as file:
            file.write(code)
        done = subprocess.run([f"{BIN}/tideline-coordinator", "check", "--policy-source", f"dir:{directory}"],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertIn("ok   policy: 1 documents", done.stdout + done.stderr)


# Of the documents that a node's CPU side reads, what is not of CPU; of those that its memory side reads, what is of memory.
NOT_OF_CPU = re.compile(r"^memory|\.(memory|resctrl|blkio|network)QOS\.|\.memoryLocality$|^policies\.netQOSPolicy$")
OF_MEMORY = re.compile(r"^memory|\.memoryQOS\.|\.memoryLocality$|^dryRun\.memory")


def policy_keys():
    """{document: {key: status}} of docs/configuration.md, which another test holds against the programs."""
    keys, document = {}, None
    for line in text_of("docs/configuration.md").split("\n## Policy\n")[1].splitlines():
        if heading := re.match(r"### (\S+)$", line):
            document = heading.group(1)
        elif row := re.match(r"\| `([^`]+)` \|.*?\| (\*\*active\*\*|accepted) \|", line):
            keys.setdefault(document, {})[row.group(1)] = row.group(2).strip("*")
    return keys


def named_keys(page, head):
    """[(document, pattern of keys, the rest of its row)] of the page's table that begins with `head`."""
    table = re.search(rf"^{re.escape(head)}\n\|[-|]+\|\n((?:\|.*\n)+)", text_of(page), re.MULTILINE)
    found = []
    for line in table.group(1).splitlines() if table else []:
        document, patterns, why = (cell.strip() for cell in line.strip("|").split(" | ", 2))
        found += [(document.strip("`"), pattern, why) for pattern in re.findall(r"`([^`]+)`", patterns)]
    return found


class CpuKeys(unittest.TestCase):
    """Each CPU key is acted on, or docs/cpu.md says why it is not."""

    page = "docs/cpu.md"
    documents = ("resource-threshold-config", "resource-qos-config", "cpu-burst-config")

    @staticmethod
    def is_of_it(key):
        return not NOT_OF_CPU.search(key)

    def setUp(self):
        self.keys = policy_keys()
        self.left_alone = named_keys(self.page, "| document | key | why |")

    def matching(self, document, pattern):
        self.assertIn(document, self.keys)
        found = [key for key in self.keys[document] if fnmatch.fnmatchcase(key, pattern)]
        self.assertTrue(found, f"{document}: no key is {pattern}")
        return found

    def test_the_tables_were_read(self):
        for document in self.documents:
            self.assertIn("active", self.keys[document].values(), document)
        self.assertTrue(self.left_alone)

    def test_a_key_that_is_not_acted_on_is_listed_with_the_reason(self):
        listed = {(document, key) for document, pattern, why in self.left_alone for key in self.matching(document, pattern)
                  if len(why) > 10}
        silent = [f"{document}: {key}" for document in self.documents for key, status in self.keys[document].items()
                  if status != "active" and self.is_of_it(key) and (document, key) not in listed]
        self.assertEqual(silent, [], f"{self.page} does not say why these are not acted on")

    def test_no_key_that_is_acted_on_is_listed(self):
        wrong = [f"{document}: {key}" for document, pattern, _ in self.left_alone
                 for key in self.matching(document, pattern) if self.keys[document][key] == "active"]
        self.assertEqual(wrong, [])

    def test_what_is_not_done_of_a_key_is_said_of_active_ones(self):
        partly = named_keys(self.page, "| document | key of it | what is not done, and why |")
        self.assertTrue(partly)
        wrong = [f"{document}: {key}" for document, pattern, _ in partly
                 for key in self.matching(document, pattern) if self.keys[document][key] != "active"]
        self.assertEqual(wrong, [])


class MemoryKeys(CpuKeys):
    """So it is with each memory key and docs/memory.md."""

    page = "docs/memory.md"
    documents = ("resource-threshold-config", "resource-qos-config", "tideline-config")

    @staticmethod
    def is_of_it(key):
        return bool(OF_MEMORY.search(key))


def reasons():
    """Names of model::Reason."""
    code = text_of("messages/model/reason.h")
    names = re.findall(r"^  k(\w+) = \d+,", code, re.MULTILINE)
    return {re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower() for name in names} - {"none"}


if __name__ == "__main__":
    unittest.main(verbosity=2)
