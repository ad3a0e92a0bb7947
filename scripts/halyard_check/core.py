# SPDX-License-Identifier: MIT
"""What a stage is made of: its log, its counts, and how it finds the files that it judges."""

import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"
SCRIPTS = ROOT / "scripts"
LOGS = BUILD / "log"
RESULTS = BUILD / "check"
CLANG_TOOLS = 14


@dataclass
class Result:
    """Counts of one stage; `errors` are the lines that a reader needs first, `reasons` say why something was skipped,
    `notes` are shown whatever the outcome."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    errors: list = field(default_factory=list)
    reasons: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    def fail(self, *lines):
        self.failed += 1
        self.errors += [line for text in lines for line in str(text).splitlines()]

    def skip(self, reason):
        self.skipped += 1
        self.reasons.append(reason)

    def judge(self, good, *lines):
        """Counts one test; the lines tell what is wrong when it is not good."""
        if good:
            self.passed += 1
        else:
            self.fail(*lines)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.errors += other.errors
        self.reasons += other.reasons
        self.notes += other.notes


STAGES = {}


def stage(name, text):
    """Registers a function (Log) -> Result as a stage; the order of registration is the order of running."""

    def register(function):
        if name in STAGES:
            raise ValueError(f"two stages are called {name}")
        STAGES[name] = (text, function)
        return function

    return register


class Deadline:
    """When the whole run must be over. Commands are ended then; without a limit there is always time."""

    def __init__(self):
        self._end = None

    def set(self, seconds):
        self._end = time.monotonic() + seconds

    def left(self):
        """Seconds, at least one."""
        return float("inf") if self._end is None else max(1.0, self._end - time.monotonic())


DEADLINE = Deadline()


class Log:
    """One stage's log file; every command that the stage runs and what it said."""

    def __init__(self, name):
        LOGS.mkdir(parents=True, exist_ok=True)
        self.path = LOGS / f"check-{name}.log"
        self._file = self.path.open("w", encoding="utf-8", errors="replace")

    def write(self, text):
        self._file.write(text if text.endswith("\n") else text + "\n")
        self._file.flush()

    def run(self, *command, timeout=3600, env=None):
        """Runs a command in the repository's top folder; its output, standard error included, is logged and returned."""
        words = [str(word) for word in command]
        timeout = min(timeout, DEADLINE.left())
        try:
            result = subprocess.run(
                words, cwd=ROOT, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace", timeout=timeout, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            output = error.stdout or b""
            text = output.decode(errors="replace") if isinstance(output, bytes) else output
            result = subprocess.CompletedProcess(words, 124, f"{text}\n(ended after {timeout:.0f} s)\n")
        self.write(f"$ {' '.join(words)}\n{result.stdout}(exit status {result.returncode})\n")
        return result


@cache
def tracked_files():
    """Every file of the repository that git does not ignore, as paths relative to its top."""
    output = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
    ).stdout  # fmt: skip
    return sorted(Path(name) for name in set(output.split("\0")) if name and (ROOT / name).is_file())


def files(suffixes, *folders):
    """Tracked files in the folders whose names end in one of the suffixes."""
    return [
        path
        for path in tracked_files()
        if path.name.endswith(tuple(suffixes)) and (not folders or path.parts[0] in folders)
    ]


def first_line(path):
    with (ROOT / path).open("rb") as file:
        return file.readline(200)


def is_script(path, interpreter):
    line = first_line(path)
    return line.startswith(b"#!") and interpreter in line


def each(function, items):
    """function(item) of every item, on all processors; in the items' order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))


def judge_each(log, items, command):
    """One test per item: the command made from it must succeed and say nothing of its own."""
    result = Result()
    for item, done in zip(items, each(lambda item: log.run(*command(item)), items)):
        result.judge(done.returncode == 0, f"{item}:", *done.stdout.splitlines()[:8])
    return result


def other_clang(log, tool):
    """A skipped result when the host's tool is not of the version that sources are judged by: each has its own taste."""
    version = re.search(r"version (\d+)", log.run(tool, "--version").stdout)
    if version and int(version[1]) == CLANG_TOOLS:
        return None
    result = Result()
    result.skip(f"sources are judged by {tool} {CLANG_TOOLS}, Debian 12's; this host has {version[1] if version else 'none'}")
    return result


@cache
def chips():
    """Names of all chips, enabled or not."""
    return sorted(path.parent.name for path in (ROOT / "kernel" / "chips").glob("*/Kconfig"))


@cache
def config():
    """The configuration as a dictionary of strings; HALYARD_CHIPS lists the enabled chips."""
    values = {}
    for line in (BUILD / "config" / "auto.conf").read_text().splitlines():
        name, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            values[name.rstrip(": ")] = value.strip()
    return values


def enabled_chips():
    return config().get("HALYARD_CHIPS", "").split()
