"""Finds what breaks the house's law in a tree of files. Each finding is one line: path:line: what."""

import os
import re
import subprocess

import rules

CPP = (".h", ".cpp")
TEXT = CPP + (".py", ".sh", ".cmake", ".txt", ".capnp", ".md", ".json", ".yaml", ".service")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
TOP_FOLDERS = {room.split("/")[0] for room in rules.ROOMS} | {"test"}
SNAKE = re.compile(r"^[a-z][a-z0-9_]*\.(h|cpp)$")
STRIPPED = re.compile(r'//[^\n]*|/\*.*?\*/|R"\((?:.|\n)*?\)"|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def product_files(root):
    """What git tracks or would track, as paths relative to root."""
    listed = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, check=True).stdout.decode().split("\0")
    return sorted(path for path in listed if path and os.path.isfile(f"{root}/{path}"))


def all_files(root):
    return sorted(os.path.relpath(f"{folder}/{name}", root) for folder, _, names in os.walk(root) for name in names)


def room_of(path):
    """The room whose folder holds the file: a room is one folder, its own subfolders are other rooms."""
    folder = os.path.dirname(path)
    return folder if folder in rules.ROOMS else None


def check(root, files):
    findings = []
    for path in files:
        if not path.endswith(TEXT):
            continue
        with open(f"{root}/{path}", encoding="utf-8", errors="replace") as file:
            text = file.read()
        findings += _check_text(path, text)
        if path.endswith(CPP) and not path.startswith("test/"):
            findings += _check_cpp(path, text)
        elif path.endswith(CPP):
            findings += _check_test(path, text)
    findings += _check_cmake(root, files)
    findings += _check_readmes(root, files)
    return findings


def _check_text(path, text):
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if re.search(rules.UNFINISHED, line):
            yield f"{path}:{number}: unfinished work: {line.strip()}"
    if path.endswith(CPP + (".py", ".sh")):
        bound = rules.LINES_MAX_TEST if path.startswith("test/") else rules.LINES_MAX_PRODUCT
        if len(lines) > bound:
            yield f"{path}:{len(lines)}: longer than {bound} lines"


def _check_names(path):
    if not SNAKE.match(os.path.basename(path)):
        yield f"{path}:1: file names are snake_case.h or snake_case.cpp"


def _check_test(path, text):
    yield from _check_names(path)
    if path.endswith("_test.cpp"):
        for number, line in enumerate(text.splitlines(), 1):
            found = re.match(r"\s*(?:TEST|TEST_F|TEST_P|TYPED_TEST)\((\w+), (\w+)\)", line)
            if found and not re.match(r"^[A-Z][A-Za-z0-9]*$", found.group(2)):
                yield f"{path}:{number}: a test's name is a claim in CamelCase, not '{found.group(2)}'"


def _check_cpp(path, text):
    yield from _check_names(path)
    room = room_of(path)
    if room is None:
        yield f"{path}:1: its folder is no room in test/house/rules.py"
        return
    law = rules.ROOMS[room]
    main = os.path.basename(path) == "main.cpp"
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            # -I of the root finds our headers in angles too.
            ours = found.group(1) == '"' or found.group(2).split("/")[0] in TOP_FOLDERS
            for what in _judge_include(path, room, law, main, ours, found.group(2)):
                yield f"{path}:{number}: {what}"
    # Blank what is comment or literal, keeping line numbers.
    code = STRIPPED.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)
    banned = rules.BANNED_CALLS + (rules.PURE_BANNED_CALLS if law.kind == rules.PURE else ())
    for number, line in enumerate(code.splitlines(), 1):
        for pattern in banned:
            call = re.search(pattern, line)
            if call:
                yield f"{path}:{number}: {law.kind} room {room} must not use {call.group(0).strip()}"
    if law.namespace and not main and f"namespace tideline::{law.namespace} {{" not in text:
        yield f"{path}:1: declares nothing in namespace tideline::{law.namespace}, which is its room's"


def _judge_include(path, room, law, main, ours, header):
    if ours:
        if header.startswith("test/"):
            yield f"product code includes {header}"
            return
        target = room_of(header)
        if target is None:
            yield f'"{header}" is no header of a room (paths start at the repository root)'
        elif target == "messages/schema" and room not in rules.SCHEMA_USERS:
            yield f"{room} must not include the wire schema; {', '.join(rules.SCHEMA_USERS)} may"
        elif target != room and not _allowed(law, target):
            yield f"{room} must not include {target}"
        return
    for prefix, allowed in rules.LIBRARIES.items():
        if not header.startswith(prefix):
            continue
        if room in allowed or (main and "main" in allowed) or (law.kind == rules.ACTOR and "actor" in allowed):
            continue
        yield f"{room} must not include <{header}>; {', '.join(allowed) or 'tests'} may"
        return
    if law.kind == rules.PURE and not header.startswith(rules.PURE_LIBRARIES):
        banned = rules.PURE_BANNED_HEADERS.difference(rules.PURE_EXEMPT.get(room, ()))
        if "/" in header or "." in header or header in banned:
            yield f"pure room {room} must not include <{header}>"


def _allowed(law, target):
    return any(target == room or (room.endswith("/*") and target.startswith(room[:-1])) for room in law.may_include)


def _check_cmake(root, files):
    """add_room() and the table agree on what is pure."""
    for path in files:
        if os.path.basename(path) != "CMakeLists.txt" or path.startswith("test/"):
            continue
        with open(f"{root}/{path}", encoding="utf-8") as file:
            text = file.read()
        for room, rest in re.findall(r"^add_room\((\S+)([^)]*)\)", text, re.MULTILINE):
            law = rules.ROOMS.get(room)
            if law is None:
                yield f"{path}:1: room {room} is not in test/house/rules.py"
            elif ("PURE" in rest.split()) != (law.kind == rules.PURE):
                yield f"{path}:1: room {room} is {law.kind} in test/house/rules.py, and add_room() says otherwise"


def mapped_rooms(readme):
    """Rooms named in the first cells of README.md's table: `a/b`, `c` means a/b and a/c; `x/` means all below x."""
    rooms = set()
    for row in re.findall(r"^\|([^|]*`[^|]*)\|", readme, re.MULTILINE):
        names = re.findall(r"`([^`]+)`", row)
        rooms.update(names)
        rooms.update(f"{os.path.dirname(names[0])}/{name}" for name in names[1:])
    return rooms


def _check_readmes(root, files):
    if "README.md" not in files:
        yield "README.md:1: there is none"
        return
    with open(f"{root}/README.md", encoding="utf-8") as file:
        mapped = mapped_rooms(file.read())
    whole = tuple(room for room in mapped if room.endswith("/"))
    present = {os.path.dirname(path) for path in files}
    for room, law in rules.ROOMS.items():
        if room not in present or law.kind == rules.PROGRAM or room in mapped or room.startswith(whole):
            continue
        if f"{room}/README.md" not in files:
            yield f"README.md:1: its map lacks room {room}, which has no README.md of its own either"
