#!/usr/bin/env python3
"""run.py [options] -- PROGRAM [ARGUMENT...] [+ PROGRAM ...]: runs programs, one after the other, in a guest with cgroup v2
only.
run.py --results DIR --tell NAME: prints what the program of that name said there, and ends as it did.

The guest is the kernel in $VMLINUZ under QEMU's software emulation, with an initramfs that holds busybox, the programs,
the files named and the libraries they need. PROGRAM python3 is the interpreter that runs this, with its own library. The
guest has its own root, so a program may do there what no test may do here. Times inside it mean nothing.

An emulated machine can stand still for good. The guest says each second that it lives; one that does not begin within
--boot-seconds, or is silent for --silence-seconds, is ended and booted again, at most --boots times, and goes on with
the programs that have no result yet. Each such boot is told on stderr.

Exit code: of a single program, that program's; of several, 0 once each has a result, whatever it is. 77 without VMLINUZ
(skipped); 124 where a program's time is up; 125 where the guest died or hung once too often.
"""

import argparse
import gzip
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time

SKIPPED, TIME_UP, GUEST_DIED = 77, 124, 125
BUSYBOX_TOOLS = ("sh", "mount", "mkdir", "cat", "echo", "stty", "reboot", "sync", "kill", "sleep", "ls", "timeout")

INIT = """\
#!/bin/sh
export PATH=/bin:/usr/bin:/prog HOME=/root TERM=dumb
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mkdir -p /dev/shm && mount -t tmpfs shm /dev/shm
mount -t cgroup2 cgroup /sys/fs/cgroup
echo "+cpuset +cpu +io +memory +pids" > /sys/fs/cgroup/cgroup.subtree_control
stty raw -echo -F /dev/ttyS1
stty raw -echo -F /dev/ttyS2
ip link set lo up 2>/dev/null || ifconfig lo 127.0.0.1 up
while :; do echo alive > /dev/ttyS2; sleep 1; done &
sh /commands
echo done > /dev/ttyS2
sync
reboot -f
"""


class Initramfs:
    """A cpio archive in the kernel's "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def __init__(self):
        self.parts = []
        self.names = set()

    def add(self, name, mode, data=b"", modified=0):
        name = name.strip("/")
        if name in self.names:
            return
        parent = os.path.dirname(name)
        if parent:
            self.add(parent, stat.S_IFDIR | 0o755)
        self.names.add(name)
        fields = (len(self.names), mode, 0, 0, 1, modified, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        for part in (head, data):
            self.parts.append(part + b"\0" * (-len(part) % 4))

    def directory(self, name):
        self.add(name, stat.S_IFDIR | 0o755)

    def link(self, name, target):
        self.add(name, stat.S_IFLNK | 0o777, target.encode())

    def text(self, name, text, executable=False):
        self.add(name, stat.S_IFREG | (0o755 if executable else 0o644), text.encode())

    def file(self, path, name):
        """The file and the shared libraries it needs, those under their own paths."""
        with open(path, "rb") as file:
            data = file.read()
        elf = data.startswith(b"\x7fELF")
        needed = ""
        if elf:
            needed = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
            data = stripped(path, data)
        about = os.stat(path)
        self.add(name, stat.S_IFREG | (about.st_mode & 0o777), data, int(about.st_mtime))
        for library in sorted(set(re.findall(r"(/\S+)", needed))):
            if library.strip("/") not in self.names:
                with open(library, "rb") as file:
                    self.add(library, stat.S_IFREG | 0o755, file.read())

    def tree(self, top, left_out):
        """All files below a directory, under their own paths, without directories of these names."""
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if not left_out.fullmatch(name)]
            for name in names:
                if os.path.isfile(f"{folder}/{name}"):
                    self.file(f"{folder}/{name}", f"{folder}/{name}")

    def bytes(self):
        self.add("TRAILER!!!", 0)
        return gzip.compress(b"".join(self.parts), compresslevel=1)


def stripped(path, data):
    """Without debug information: the guest has to unpack all of it."""
    with tempfile.NamedTemporaryFile(prefix="tideline-strip-") as out:
        done = subprocess.run(["strip", "--strip-debug", "-o", out.name, path], capture_output=True, check=False)
        if done.returncode != 0:
            return data
        with open(out.name, "rb") as file:
            return file.read()


PYTHON = "python3"
# Of its library. Files keep their times, so that what is compiled already is taken.
NOT_NEEDED = re.compile(r"(config-.*|(site|dist)-packages|tests?|idlelib|tkinter|turtledemo|lib2to3|ensurepip|pydoc_data)")


def program_file(word):
    return os.path.realpath(sys.executable if word == PYTHON else word)


def name_of(command):
    return os.path.basename(command[0])


class Results:
    """What each program said, and how it ended: NAME.out and NAME.exit in a directory."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)

    def path(self, name, what):
        return f"{self.directory}/{name}.{what}"

    def forget(self, name):
        for what in ("out", "exit"):
            if os.path.exists(self.path(name, what)):
                os.remove(self.path(name, what))

    def keep(self, name, output, code):
        for what, text in (("out", output), ("exit", f"{code}\n")):
            with open(self.path(name, what), "w", encoding="utf-8") as file:
                file.write(text)

    def code(self, name):
        path = self.path(name, "exit")
        return int(read(path)) if os.path.exists(path) else None

    def tell(self, name):
        """A test that was skipped in here counts as skipped as a whole: the guest is made to have what they need."""
        code = self.code(name)
        if code is None:
            print(f"run.py: {name} has no result in {self.directory}", file=sys.stderr)
            return GUEST_DIED
        output = read(self.path(name, "out"))
        print(output, end="")
        skipped = re.findall(r"^\[  SKIPPED \] (\S+)$", output, re.MULTILINE)  # GoogleTest, and Python's unittest
        skipped += re.findall(r"^OK \((skipped=\d+)\)$", output, re.MULTILINE)
        if code == 0 and skipped:
            print(f"run.py: skipped in the guest: {', '.join(sorted(set(skipped)))}")
            return SKIPPED
        return code


def read(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def image(options, programs):
    root = Initramfs()
    for name in ("proc", "sys", "dev", "tmp", "root", "run", "etc"):
        root.directory(name)
    root.file("/bin/busybox", "bin/busybox")
    for tool in (*BUSYBOX_TOOLS, "ip", "ifconfig"):
        root.link(f"bin/{tool}", "busybox")
    root.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    root.text("etc/group", "root:x:0:\n")
    for path in (*(command[0] for command in programs), *options.beside):
        root.file(program_file(path), f"prog/{os.path.basename(path)}")
    if any(command[0] == PYTHON for command in programs):
        root.tree(sysconfig.get_path("stdlib"), NOT_NEEDED)
    for entry in options.file:
        path, _, name = entry.partition(":")
        root.file(os.path.realpath(path), name or os.path.realpath(path))
    lines = [f"export {shlex.quote(entry)}" for entry in options.env]
    for command in programs:
        name = name_of(command)
        call = shlex.join(["timeout", "-s", "KILL", str(int(options.seconds)), f"/prog/{name}", *command[1:]])
        lines += [f"echo '@@begin {name}' > /dev/ttyS1", f"{call} > /dev/ttyS1 2>&1 < /dev/null",
                  f"code=$?; {{ echo; echo \"@@exit {name} $code\"; }} > /dev/ttyS1"]
    root.text("commands", "\n".join(lines) + "\n")
    root.text("init", INIT, executable=True)
    return root.bytes()


def take_results(output, results):
    """Keeps those of programs that ended. Returns the name of one that did not, and what it said so far."""
    begun = None
    for begin in re.finditer(r"^@@begin (\S+)\n", output, re.MULTILINE):
        name = begin.group(1)
        ended = re.search(rf"^@@exit {re.escape(name)} (\d+)$", output[begin.end():], re.MULTILINE)
        if ended is None:
            begun = (name, output[begin.end():])
            continue
        code = int(ended.group(1))
        results.keep(name, output[begin.end():begin.end() + ended.start()].removesuffix("\n"), TIME_UP if code == 137 else code)
    return begun


def watch(options, guest, directory):
    """Until the guest ends by itself ("") or is ended; then why."""
    begun = time.monotonic()
    heard, size = begun, 0
    while guest.poll() is None:
        time.sleep(0.2)
        now = time.monotonic()
        control = f"{directory}/control"
        grown = os.path.getsize(control) if os.path.exists(control) else 0
        if grown > size:
            heard, size = now, grown
        why = ""
        if size == 0 and now - begun > options.boot_seconds:
            why = f"not up after {now - begun:.0f} s"
        elif size > 0 and now - heard > options.silence_seconds:
            why = f"silent for {now - heard:.0f} s"
        if why:
            guest.kill()
            guest.wait()
            return why
    return ""


def boot(options, kernel, programs, results, number):
    """One life of the guest. Why it did not come to its end; "": it did."""
    with tempfile.TemporaryDirectory(prefix="tideline-vm-") as directory:
        initramfs = f"{directory}/initramfs"
        with open(initramfs, "wb") as file:
            file.write(image(options, programs))
        cpus = f"{options.cpus},cores=1,threads={options.cpus}" if options.smt else str(options.cpus)
        command = ["nice", "-n", str(options.nice), options.qemu, "-machine", "q35", "-accel", options.accelerator, "-cpu", options.cpu,
                   "-smp", cpus, "-m", str(options.memory), "-display", "none", "-no-reboot", "-nodefaults",
                   "-kernel", kernel, "-initrd", initramfs, "-append", options.append]
        for name in ("console", "output", "control"):
            command += ["-serial", f"file:{directory}/{name}"]
        begun = time.monotonic()
        with subprocess.Popen(command, stdin=subprocess.DEVNULL) as guest:
            try:
                why = watch(options, guest, directory)
            finally:
                guest.kill()
        half_done = take_results(read(f"{directory}/output"), results)
        complete = re.search(r"^done$", read(f"{directory}/control"), re.MULTILINE)
        print(f"run.py: boot {number} took {time.monotonic() - begun:.0f} s", file=sys.stderr)
        if complete and not why:
            return ""
        print(f"run.py: boot {number} of the guest: {why or 'it died'}; its console's last words:\n"
              + read(f"{directory}/console")[-2000:], file=sys.stderr)
        if half_done:
            print(f"run.py: it was in {half_done[0]}:\n{half_done[1][-3000:]}", file=sys.stderr)
        return why or "died"


def run(options, kernel):
    programs, current = [], []
    for word in [*options.command, "+"]:
        if word == "+" and current:
            programs.append(current)
            current = []
        elif word != "+":
            current.append(word)
    single = len(programs) == 1 and options.results is None
    with tempfile.TemporaryDirectory(prefix="tideline-vm-results-") as own:
        results = Results(options.results or own)
        for command in programs:
            results.forget(name_of(command))
        for number in range(1, options.boots + 1):
            left = [command for command in programs if results.code(name_of(command)) is None]
            if not left:
                break
            boot(options, kernel, left, results, number)
        left = [name_of(command) for command in programs if results.code(name_of(command)) is None]
        if single:
            return results.tell(name_of(programs[0])) if not left else GUEST_DIED
        for command in programs:
            code = results.code(name_of(command))
            print(f"run.py: {name_of(command)}: {'no result' if code is None else f'exit {code}'}")
        return GUEST_DIED if left else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", action="append", default=[], help="another program, put into the same directory")
    parser.add_argument("--file", action="append", default=[], metavar="FILE[:NAME]",
                        help="a file, put under its own path or NAME; not below /tmp, which is the guest's own")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="a variable of the programs")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--smt", action="store_true", help="the CPUs are the threads of one core")
    parser.add_argument("--memory", type=int, default=1024, help="MiB")
    parser.add_argument("--seconds", type=float, default=240, help="longest run of one program")
    parser.add_argument("--boot-seconds", type=float, default=60, help="longest boot")
    parser.add_argument("--silence-seconds", type=float, default=60, help="longest time without a sign of life")
    parser.add_argument("--boots", type=int, default=4, help="at most so many")
    parser.add_argument("--results", help="directory for what the programs say, to be told one by one")
    parser.add_argument("--tell", metavar="NAME", help="tell a result and run nothing")
    parser.add_argument("--nice", type=int, default=5, help="how far it gives way to what else runs on the host")
    parser.add_argument("--qemu", default="qemu-system-x86_64")
    parser.add_argument("--cpu", default="max")
    parser.add_argument("--accelerator", default="tcg,thread=multi")
    parser.add_argument("--append", default="console=ttyS0 quiet panic=-1 cgroup_no_v1=all psi=1 "
                        "mitigations=off tsc=reliable rdinit=/init")
    parser.add_argument("command", nargs="*", help="programs with their arguments, a + between two")
    options = parser.parse_args()
    kernel = os.environ.get("VMLINUZ")
    if not kernel:
        print("skipped: needs VMLINUZ, a Linux kernel image to boot (test/vm/README.md)")
        return SKIPPED
    if options.tell:
        return Results(options.results).tell(options.tell)
    if not options.command:
        parser.error("no program")
    # The guest must not outlive this.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    return run(options, kernel)


if __name__ == "__main__":
    sys.exit(main())
