# SPDX-License-Identifier: MIT
"""Our back end for ggml and the private copies of Debian's packages that it is used with."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"
SCRIPTS = ROOT / "scripts"
MODELS = BUILD / "llm"
LIBRARIES = BUILD / "user" / "lib"
PLUGIN = LIBRARIES / "halyard" / "runtimes" / "libggml-halyard.so"
# In the file that HALYARD_GGML_STATISTICS names.
JOBS = re.compile(r"^\S+: (\d+) jobs completed, (\d+) failed, \d+ command lists recorded, (\d+) graphs of no elements$", re.MULTILINE)
# What a run with the model of a chip in this process, rather than with a card, needs besides.
IN_PROCESS = {"HALYARD_PLATFORM": "sim"}


class LlmError(Exception):
    """The text is for the user."""


def run_logged(command, **options):
    """(exit status, output with standard error in it). One that runs commands in another way has the same shape."""
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", check=False, env={**os.environ, **options.get("env", {})}, timeout=options.get("timeout"),
    )  # fmt: skip
    return done.returncode, done.stdout


def fetch(what, run=run_logged):
    """The private root of ggml or of llama: see scripts/fetch-ggml."""
    status, output = run([SCRIPTS / "fetch-ggml", what])
    if status:
        raise LlmError("\n".join([f"{what} is not to be had:", *output.splitlines()[-3:]]))
    return Path(output.splitlines()[-1])


def build(chips, run=run_logged):
    """Builds the back end and what these chips in process need."""
    configure = ["cmake", "--preset", "user", f"-DHALYARD_GGML_ROOT={fetch('ggml', run)}"]
    for command in (configure, ["nice", "cmake", "--build", BUILD / "user", "--target", "ggml-halyard", "platform-sim", *chips]):
        status, output = run(command)
        if status:
            raise LlmError("\n".join(["the back end does not build:", *output.splitlines()[-15:]]))


@dataclass
class Jobs:
    """What the driver of the one device that a process has used counted, and graphs that needed no job for they have no elements."""

    completed: int = 0
    failed: int = 0
    empty: int = 0


def read_jobs(path):
    counts = [tuple(map(int, count)) for count in JOBS.findall(path.read_text())] if path.is_file() else []
    # Each back end tells the counters of the device at its end, and its own graphs.
    return Jobs(max((count[0] for count in counts), default=0), max((count[1] for count in counts), default=0), sum(count[2] for count in counts))
