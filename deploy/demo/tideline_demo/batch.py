"""The batch work: it takes every CPU it is given and tells how much it got done."""

import contextlib
import os
import re
import signal

from .processes import Process


class StressNg:
    unit = "bogo-ops/s"
    what = "stress-ng --matrix (bogo operations a second of its own running time)"
    container = "stress-ng"

    def __init__(self, directory, log, workers, enter):
        self.report = f"{directory}/stress-ng.yaml"
        self.process = Process("stress-ng", ["stress-ng", "--matrix", workers, "--timeout", 0, "--metrics-brief",
                                             "--temp-path", directory, "-Y", self.report], log, enter, cwd=directory)

    def begin_window(self):
        pass

    def end_window(self, seconds):
        pass

    def stop(self):
        """-> work done, or None if it left no report."""
        self.process.stop(signal.SIGINT, 10)
        try:
            with open(self.report, encoding="utf-8") as file:
                found = re.search(r"bogo-ops-per-second-real-time:\s*([0-9.]+)", file.read())
        except OSError:
            return None
        return float(found.group(1)) if found else None


class Ffmpeg:
    unit = "frames/s"
    what = "ffmpeg x264 encoding a 640x360 test picture (frames a second of the counted part)"
    container = "ffmpeg"

    def __init__(self, directory, log, workers, enter):
        self.progress = f"{directory}/ffmpeg.progress"
        self.at_begin = 0
        self.rate = None
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.progress)  # of the run before
        self.process = Process(
            "ffmpeg", ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-stats_period", "0.2", "-progress",
                       self.progress, "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-c:v", "libx264",
                       "-preset", "medium", "-tune", "zerolatency", "-threads", max(2, workers), "-f", "null",
                       "/dev/null"], log, enter)

    def _frames(self):
        try:
            with open(self.progress, encoding="ascii") as file:
                frames = re.findall(r"^frame=(\d+)$", file.read(), re.MULTILINE)
        except OSError:
            return 0
        return int(frames[-1]) if frames else 0

    def begin_window(self):
        self.at_begin = self._frames()

    def end_window(self, seconds):
        self.rate = (self._frames() - self.at_begin) / seconds

    def stop(self):
        self.process.stop(signal.SIGTERM, 5)
        return self.rate


KINDS = {"stress-ng": StressNg, "ffmpeg": Ffmpeg}
