#!/usr/bin/env python3
"""run.py [options] -- PROGRAM [ARGUMENT...]: runs a program in a guest with cgroup v2 only, and ends as it does.

The guest is the kernel in $VMLINUZ under QEMU's software emulation, with an initramfs that holds busybox, the program,
the files named and the libraries they need. It has its own root, so the program may do there what no test may do here.
Times inside it mean nothing. Exit code: the program's; 77 without VMLINUZ (skipped); 124 when the time is up; 125 when
the guest died.
"""

import argparse
import gzip
import os
import re
import shlex
import stat
import subprocess
import sys
import tempfile

SKIPPED, TIME_UP, GUEST_DIED = 77, 124, 125
BUSYBOX_TOOLS = ("sh", "mount", "mkdir", "cat", "echo", "stty", "reboot", "sync", "kill", "sleep", "ls")

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
sh /command > /dev/ttyS1 2>&1 < /dev/null
echo "exit $?" > /dev/ttyS2
sync
reboot -f
"""


class Initramfs:
    """A cpio archive in the kernel's "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def __init__(self):
        self.parts = []
        self.names = set()

    def add(self, name, mode, data=b""):
        name = name.strip("/")
        if name in self.names:
            return
        parent = os.path.dirname(name)
        if parent:
            self.add(parent, stat.S_IFDIR | 0o755)
        self.names.add(name)
        fields = (len(self.names), mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
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
        self.add(name, stat.S_IFREG | (os.stat(path).st_mode & 0o777), data)
        if not data.startswith(b"\x7fELF"):
            return
        needed = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
        for library in sorted(set(re.findall(r"(/\S+)", needed))):
            if library.strip("/") not in self.names:
                with open(library, "rb") as file:
                    self.add(library, stat.S_IFREG | 0o755, file.read())

    def bytes(self):
        self.add("TRAILER!!!", 0)
        return gzip.compress(b"".join(self.parts), compresslevel=1)


def image(options):
    root = Initramfs()
    for name in ("proc", "sys", "dev", "tmp", "root", "run", "etc"):
        root.directory(name)
    root.file("/bin/busybox", "bin/busybox")
    for tool in (*BUSYBOX_TOOLS, "ip", "ifconfig"):
        root.link(f"bin/{tool}", "busybox")
    root.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    root.text("etc/group", "root:x:0:\n")
    program = os.path.realpath(options.command[0])
    for path in (program, *map(os.path.realpath, options.beside)):
        root.file(path, f"prog/{os.path.basename(path)}")
    for entry in options.file:
        root.file(os.path.realpath(entry), os.path.realpath(entry))
    variables = "".join(f"export {shlex.quote(entry)}\n" for entry in options.env)
    command = shlex.join([f"/prog/{os.path.basename(program)}", *options.command[1:]])
    root.text("command", f"{variables}exec {command}\n")
    root.text("init", INIT, executable=True)
    return root.bytes()


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def boot(options, kernel, directory):
    initramfs = f"{directory}/initramfs"
    with open(initramfs, "wb") as file:
        file.write(image(options))
    cpus = f"{options.cpus},cores=1,threads={options.cpus}" if options.smt else str(options.cpus)
    command = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max",
               "-smp", cpus, "-m", str(options.memory), "-display", "none", "-no-reboot", "-nodefaults",
               "-kernel", kernel, "-initrd", initramfs, "-append",
               "console=ttyS0 quiet panic=-1 cgroup_no_v1=all psi=1 mitigations=off tsc=reliable rdinit=/init"]
    for name in ("console", "output", "end"):
        command += ["-serial", f"file:{directory}/{name}"]
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, timeout=options.seconds, check=False)
    except subprocess.TimeoutExpired:
        print(read(f"{directory}/output"), end="")
        print(f"run.py: not done after {options.seconds} s", file=sys.stderr)
        return TIME_UP
    print(read(f"{directory}/output"), end="")
    ended = re.search(r"^exit (\d+)", read(f"{directory}/end"), re.MULTILINE)
    if ended:
        return int(ended.group(1))
    print("run.py: the guest died; its console's last words:\n" + read(f"{directory}/console")[-3000:], file=sys.stderr)
    return GUEST_DIED


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", action="append", default=[], help="another program, put into the same directory")
    parser.add_argument("--file", action="append", default=[], help="a file, put under its own path")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="a variable of the program")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--smt", action="store_true", help="the CPUs are the threads of one core")
    parser.add_argument("--memory", type=int, default=1024, help="MiB")
    parser.add_argument("--seconds", type=float, default=240, help="longest run, boot included")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    kernel = os.environ.get("VMLINUZ")
    if not kernel:
        print("skipped: needs VMLINUZ, a Linux kernel image to boot (test/vm/README.md)")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="tideline-vm-") as directory:
        return boot(options, kernel, directory)


if __name__ == "__main__":
    sys.exit(main())
