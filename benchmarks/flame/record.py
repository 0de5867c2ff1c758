"""Stacks of a running server, sampled by py-spy or by perf.

py-spy sees Python and the compiled core, and nothing of the kernel, which is where most of the time of a fan-out goes; perf sees
the kernel, and of Python only the interpreter's own C. Either answers a question that the other cannot.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

Stacks: TypeAlias = Counter[tuple[str, ...]]
"""Samples by stack, the outermost frame first; a frame is `function (file)`."""

SAMPLES_PER_SECOND = 499  # not a divisor of what timers run at
SHARED = 0.95  # of all samples
LINE_NUMBER = re.compile(r":\d+\)$")
PERF_FRAME = re.compile(r"^\s+[0-9a-f]+ (.+) \((.+)\)$")


class RecordError(Exception):
    """The tool cannot look at the process, and what it says about that."""


def py_spy(pid: int, seconds: float, work: Callable[[], object]) -> Stacks:
    """Sample while `work` is done again and again. Raises RecordError."""
    with TemporaryDirectory() as directory:
        found = Path(directory) / "stacks"
        options = ["--native", "--format", "raw", "--rate", str(SAMPLES_PER_SECOND)]
        options += ["--duration", f"{max(round(seconds), 1)}", "--output", str(found)]
        watch([tool("py-spy"), "record", *options, "--pid", str(pid)], work)
        return py_spy_stacks(found.read_text().splitlines())


def perf(pid: int, seconds: float, work: Callable[[], object]) -> Stacks:
    """The same by the kernel's clock: where there are no hardware counters, there is still that."""
    with TemporaryDirectory() as directory:
        found = str(Path(directory) / "samples")
        options = ["-q", "-e", "cpu-clock", "-F", str(SAMPLES_PER_SECOND), "-g", "-o", found]
        watch(
            [tool("perf"), "record", *options, "-p", str(pid), "--", "sleep", f"{seconds:g}"], work
        )
        command = [tool("perf"), "script", "-i", found, "-F", "ip,sym,dso"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return perf_stacks(done.stdout.splitlines())


def tool(name: str) -> str:
    beside = Path(sys.executable).parent / name
    path = str(beside) if beside.exists() else shutil.which(name)
    if path is None:
        raise RecordError(f"{name} is not installed")
    return path


def watch(command: list[str], work: Callable[[], object]) -> None:
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as recorder:
        try:
            while recorder.poll() is None:
                work()
        finally:
            recorder.terminate()
        said = recorder.communicate()[0].strip().splitlines()
    if recorder.returncode:
        name = Path(command[0]).name
        raise RecordError(f"{name}: {said[-1] if said else f'exit {recorder.returncode}'}")


def py_spy_stacks(lines: Iterable[str]) -> Stacks:
    """Each line is frames by semicolons, the outermost first, a space and the number of samples."""
    stacks: Stacks = Counter()
    for line in lines:
        frames, _, count = line.rpartition(" ")
        stacks[tuple(LINE_NUMBER.sub(")", frame) for frame in frames.split(";"))] += int(count)
    return stacks


def perf_stacks(lines: Iterable[str]) -> Stacks:
    """Each sample is some lines with one frame each, the innermost first, and an empty one."""
    stacks: Stacks = Counter()
    frames: list[str] = []
    for line in [*lines, ""]:
        if (match := PERF_FRAME.match(line)) is not None:
            frames.append(f"{match[1]} ({short(match[2])})")
        elif not line.strip() and frames:
            stacks[tuple(reversed(frames))] += 1
            frames = []
    return stacks


def short(file: str) -> str:
    """The kernel is the kernel, and a library its file's name."""
    return "kernel" if file.startswith("[kernel") else file.rpartition("/")[2]


def trimmed(stacks: Stacks) -> Stacks:
    """Without what nearly all stacks begin with: the deepest frame that they share becomes the first.

    Of the kernel nothing is cut: what it was asked for would be lost.
    """
    total = stacks.total()
    shared = [
        frame
        for frame, count in holders(stacks)
        if count >= SHARED * total and not frame.endswith("(kernel)")
    ]
    if not shared:
        return stacks
    cut = max(shared, key=lambda frame: depth_of(frame, stacks))
    kept: Stacks = Counter()
    for stack, count in stacks.items():
        kept[stack[stack.index(cut) :] if cut in stack else ("elsewhere", *stack[-1:])] += count
    return kept


def holders(stacks: Stacks) -> Iterator[tuple[str, int]]:
    counts: Counter[str] = Counter()
    for stack, count in stacks.items():
        for frame in set(stack):
            counts[frame] += count
    yield from counts.items()


def depth_of(frame: str, stacks: Stacks) -> float:
    depths = [(stack.index(frame), count) for stack, count in stacks.items() if frame in stack]
    return sum(depth * count for depth, count in depths) / sum(count for _, count in depths)
