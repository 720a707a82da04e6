#!/usr/bin/env python3
"""The repository keeps the house's law; and the law bites: for each rule a bad example that must be found."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import check  # noqa: E402
import rules  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
README = "".join(f"| `{room}` | what it is for |\n" for room in rules.ROOMS)


def findings_of(files):
    """files: {path: text}. A good README is there unless given."""
    with tempfile.TemporaryDirectory(prefix="tideline-house-") as root:
        for path, text in ({"README.md": README} | files).items():
            os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
            with open(f"{root}/{path}", "w", encoding="utf-8") as file:
                file.write(text)
        return check.check(root, check.all_files(root))


def in_room(room, body):
    return f"{body}\nnamespace tideline::{rules.ROOMS[room].namespace} {{\n}}\n"


class Repository(unittest.TestCase):
    def test_keeps_the_law(self):
        findings = check.check(ROOT, check.product_files(ROOT))
        self.assertFalse(findings, "\n" + "\n".join(findings))

    def test_names_its_packages_in_one_place(self):
        lists = []
        for path in check.product_files(ROOT):
            if path.startswith(("deploy/setup/", "test/deploy/setup/", "test/house/")) or not path.endswith(check.TEXT + ("Dockerfile", "run")):
                continue
            with open(f"{ROOT}/{path}", encoding="utf-8", errors="replace") as file:
                for number, line in enumerate(file, 1):
                    if re.search(r"\bapt(-get)?\s+(-\S+\s+)*install\b", line):
                        lists.append(f"{path}:{number}: {line.strip()}")
        self.assertFalse(lists, "packages belong in deploy/setup/packages.txt:\n" + "\n".join(lists))

    def test_both_entry_scripts_install_from_that_list(self):
        for script in ("deploy/demo.sh", "test/run.sh"):
            with open(f"{ROOT}/{script}", encoding="utf-8") as file:
                self.assertIn("deploy/setup/install.sh", file.read(), script)

    def test_sets_the_rooms_up_in_an_order_that_cmake_and_the_table_agree_on(self):
        with open(f"{ROOT}/CMakeLists.txt", encoding="utf-8") as file:
            listed = re.search(r"set\(TIDELINE_ROOMS\s+([^)]*)\)", file.read()).group(1).split()
        above = set()
        for room in listed:
            for needed in rules.ROOMS.get(room, rules.Room(rules.EDGE, "")).may_include:
                if needed in listed and needed not in above and not needed.endswith("/*"):
                    self.assertLess(listed.index(needed), listed.index(room), f"{room} may include {needed}")
            above.add(room)


class Law(unittest.TestCase):
    def assert_found(self, files, what):
        findings = findings_of(files)
        self.assertTrue(any(what in finding for finding in findings), f"'{what}' is not in {findings}")

    def assert_clean(self, files):
        self.assertEqual(findings_of(files), [])

    def test_a_good_room_passes(self):
        self.assert_clean({"node-actor/sense/window.h": in_room(
            "node-actor/sense", '#pragma once\n#include <fmt/format.h>\n#include <vector>\n'
                                '#include "messages/model/units.h"\n#include "node-actor/sense/sample.h"\n')})

    def test_an_include_against_the_arrows_is_found(self):
        for room, header in (("node-actor/sense", "node-actor/kernel/fd.h"), ("messages/model", "messages/log/log.h"),
                             ("coordinator/fleet", "coordinator/reclaim/reclaim.h"),
                             ("coordinator/reclaim", "coordinator/policy/policy.h"),
                             ("storage/store", "storage/rocks/store.h"),
                             ("node-actor/guard", "node-actor/sense/window.h"),
                             ("node-actor/spool", "messages/link/session.h"),
                             ("messages/codec", "messages/link/session.h"),
                             ("deploy/demo/loadgen", "messages/link/session.h")):
            self.assert_found({f"{room}/x.cpp": in_room(room, f'#include "{header}"')},
                              f"{room} must not include {os.path.dirname(header)}")

    def test_angles_hide_no_include_of_ours(self):
        for header in ("node-actor/kernel/fd.h", "coordinator/fleet/view.h"):
            self.assert_found({"messages/codec/x.cpp": in_room("messages/codec", f"#include <{header}>")},
                              f"messages/codec must not include {os.path.dirname(header)}")
        self.assert_found({"storage/store/x.cpp": in_room("storage/store", "#include <test/support/temp_dir.h>")},
                          "product code includes test/support/temp_dir.h")
        self.assert_clean({"storage/store/x.cpp": in_room("storage/store", "#include <messages/model/ids.h>")})

    def test_coordinator_and_node_never_include_each_other(self):
        floors = [[room for room in rules.ROOMS if room.split("/")[0] == floor] for floor in ("coordinator", "node-actor")]
        passed = set()
        for here, there in (floors, floors[::-1]):
            for room in here:
                includes = "".join(f'#include "{other}/x.h"\n' for other in there)
                findings = findings_of({f"{room}/x.cpp": in_room(room, includes)})
                passed |= {(room, other) for other in there
                           if not any(finding.endswith(f": {room} must not include {other}") for finding in findings)}
        # But for the planner, which decides as the node does, and its program, which reads what nodes recorded.
        self.assertEqual(passed, {("coordinator/planner", "node-actor/sense"), ("coordinator/planner", "node-actor/decide"),
                                  ("coordinator/planner_program", "node-actor/recording")})

    def test_product_code_including_a_test_is_found(self):
        self.assert_found({"storage/store/x.cpp": in_room("storage/store", '#include "test/support/temp_dir.h"')},
                          "product code includes test/support/temp_dir.h")

    def test_a_library_in_the_wrong_room_is_found(self):
        for room, header in (("node-actor/kernel", "spdlog/spdlog.h"), ("node-actor/guard", "caf/all.hpp"),
                             ("coordinator/actor", "rocksdb/db.h"), ("node-actor/actor", "kj/async.h"),
                             ("coordinator/fleet", "capnp/message.h"), ("messages/codec", "openssl/ssl.h"),
                             ("node-actor/actor", "hwloc.h"), ("storage/rocks", "gtest/gtest.h"),
                             ("deploy/demo/loadgen", "CLI/CLI.hpp")):
            self.assert_found({f"{room}/x.cpp": in_room(room, f"#include <{header}>")},
                              f"{room} must not include <{header}>")

    def test_a_library_in_its_own_room_passes(self):
        self.assert_clean({"coordinator/actor/x.cpp": in_room("coordinator/actor", "#include <caf/all.hpp>"),
                           "storage/rocks/x.cpp": in_room("storage/rocks", "#include <rocksdb/db.h>"),
                           "node-actor/main.cpp": "#include <caf/all.hpp>\n#include <CLI/CLI.hpp>\n"})

    def test_the_wire_schema_outside_its_users_is_found(self):
        self.assert_found({"coordinator/main.cpp": '#include "messages/schema/admin.capnp.h"'},
                          "coordinator must not include the wire schema")
        self.assert_clean({"admin-client/table.cpp": in_room("admin-client", '#include "messages/schema/admin.capnp.h"')})

    def test_a_pure_room_with_system_headers_is_found(self):
        for header in ("unistd.h", "sys/stat.h", "thread", "fstream", "filesystem", "mutex"):
            self.assert_found({"coordinator/reclaim/x.cpp": in_room("coordinator/reclaim", f"#include <{header}>")},
                              f"pure room coordinator/reclaim must not include <{header}>")

    def test_a_pure_room_with_a_clock_or_output_is_found(self):
        for call in ("std::chrono::system_clock::now()", "std::chrono::steady_clock::now()", "::time(nullptr)",
                     "std::this_thread::sleep_for(d)", 'std::getenv("X")', 'std::cout << 1', 'printf("x")',
                     'std::ifstream in("x")', "std::random_device r"):
            self.assert_found({"node-actor/decide/x.cpp": in_room("node-actor/decide", f"void f() {{ {call}; }}")},
                              "pure room node-actor/decide must not use")

    def test_an_edge_may_read_the_clock(self):
        self.assert_clean({"messages/clock/x.cpp": in_room("messages/clock", "auto t = clock_gettime(a, b);")})

    def test_comments_and_texts_may_speak_of_banned_calls(self):
        self.assert_clean({"node-actor/decide/x.cpp": in_room(
            "node-actor/decide", '// never system_clock::now()\nauto a = "getenv(x)";\n/* sleep_for */')})

    def test_unfinished_work_is_found(self):
        mark = "TO" + "DO"
        for path in ("coordinator/fleet/x.cpp", "deploy/x.sh", "docs/x.md", "test/x.py"):
            self.assert_found({path: f"// {mark}: later\n" + in_room("coordinator/fleet", "")}, "unfinished work")

    def test_a_file_too_long_is_found(self):
        text = in_room("coordinator/fleet", "\n" * rules.LINES_MAX_PRODUCT)
        self.assert_found({"coordinator/fleet/x.cpp": text}, "longer than")

    def test_names_off_the_pattern_are_found(self):
        self.assert_found({"coordinator/fleet/FleetView.h": in_room("coordinator/fleet", "")}, "snake_case")
        self.assert_found({"test/coordinator/fleet/x_test.cpp": "TEST(Fleet, works_fine) {}\n"}, "CamelCase")

    def test_a_room_without_its_own_namespace_is_found(self):
        self.assert_found({"coordinator/fleet/x.h": "namespace other {\n}\n"}, "namespace tideline::fleet")

    def test_a_room_outside_the_table_is_found(self):
        self.assert_found({"coordinator/attic/x.h": "namespace tideline::attic {\n}\n"}, "no room")
        self.assert_found({"coordinator/CMakeLists.txt": "add_room(coordinator/attic PURE)\n"}, "not in test/house")

    def test_purity_that_differs_from_the_table_is_found(self):
        self.assert_found({"coordinator/fleet/CMakeLists.txt": "add_room(coordinator/fleet ROOMS messages/model)\n"},
                          "add_room() says otherwise")

    def test_a_room_missing_from_the_map_is_found(self):
        files = {"README.md": "an empty map", "coordinator/fleet/x.h": in_room("coordinator/fleet", "")}
        self.assert_found(files, "lacks room coordinator/fleet")
        self.assert_clean(files | {"coordinator/fleet/README.md": "The fleet."})
        self.assert_clean(files | {"README.md": "| `coordinator/policy`, `fleet` | both |\n"})
        self.assert_clean(files | {"README.md": "| `coordinator/` | all of it |\n"})
        self.assert_found(files | {"README.md": "Speaks of coordinator/fleet, in no map."}, "lacks room")


class AddRoom(unittest.TestCase):
    """deploy/cmake/AddRoom.cmake refuses, at configure time, what would make a pure room impure."""

    def configure(self, rooms):
        with tempfile.TemporaryDirectory(prefix="tideline-house-") as root:
            with open(f"{root}/CMakeLists.txt", "w", encoding="utf-8") as file:
                file.write("cmake_minimum_required(VERSION 3.25)\nproject(house LANGUAGES NONE)\n"
                           "add_library(tideline_flags INTERFACE)\nadd_library(fmt::fmt INTERFACE IMPORTED)\n"
                           f'include("{ROOT}/deploy/cmake/AddRoom.cmake")\n{rooms}\n')
            done = subprocess.run(["cmake", "-S", root, "-B", f"{root}/build"], capture_output=True, text=True,
                                  env=os.environ | {"CMAKE_GENERATOR": "Ninja"})
            return done.returncode, " ".join(done.stderr.split())

    def test_pure_on_pure_is_fine(self):
        code, text = self.configure("add_room(a PURE LIBS fmt::fmt)\nadd_room(b PURE ROOMS a)\nadd_room(c ROOMS b)")
        self.assertEqual(code, 0, text)

    def test_pure_on_an_edge_is_an_error(self):
        code, text = self.configure("add_room(edge)\nadd_room(heart PURE ROOMS edge)")
        self.assertNotEqual(code, 0)
        self.assertIn("pure room heart must not depend on edge", text)

    def test_pure_on_an_impure_library_is_an_error(self):
        code, text = self.configure("add_room(heart PURE LIBS spdlog::spdlog)")
        self.assertNotEqual(code, 0)
        self.assertIn("pure room heart must not link spdlog::spdlog", text)

    def test_pure_with_actors_is_an_error(self):
        code, text = self.configure("add_room(heart PURE CAF)")
        self.assertNotEqual(code, 0)
        self.assertIn("a pure room holds no actors", text)

    def test_a_room_that_comes_too_late_is_an_error(self):
        code, text = self.configure("add_room(a PURE ROOMS b)\nadd_room(b PURE)")
        self.assertNotEqual(code, 0)
        self.assertIn("not declared before it", text)


if __name__ == "__main__":
    unittest.main(verbosity=1)
