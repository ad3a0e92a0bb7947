# SPDX-License-Identifier: MIT
"""Emulated cards: one halyard-emulator process each, and what its protocol checker found."""

import json
import shlex
import subprocess
import time
from pathlib import Path

from .paths import BUILD, EXIT_CHECKER, ROOT, VmError, start_process

START_SECONDS = 20
STOP_SECONDS = 20
EMULATOR_FINDINGS = 4


class Card:
    """One card, "chip" or "chip,name=value,...". It listens on `socket` once start() has returned."""

    def __init__(self, number, card, folder, socket_folder, emulator, arguments, trace):
        chip, *settings = card.split(",")
        self.name = f"card {number} ({chip})"
        self.socket = socket_folder / f"card{number}"
        self._report = folder / f"card{number}.json"
        self._log = folder / f"card{number}.log"
        self._command = [emulator, "--chip", chip, "--socket-path", self.socket, "--report", self._report, *arguments]
        self._command += [f"--set={setting}" for setting in settings]
        if trace:
            self._command += ["--trace", Path(trace) / f"card{number}.trace"]
        self._process = None

    def start(self):
        if not Path(self._command[0]).is_file():
            raise VmError(f"there is no emulator {self._command[0]}; build it with `make user`")
        with self._log.open("wb") as log:
            self._process = start_process(self._command, log)
        deadline = time.monotonic() + START_SECONDS
        while not self.socket.is_socket():
            if self._process.poll() is not None:
                raise VmError(f"{self.name}: the emulator ended at once with status {self._process.returncode}: {self._last_words()}")
            if time.monotonic() > deadline:
                raise VmError(f"{self.name}: the emulator does not listen on its socket: {shlex.join(map(str, self._command))}")
            time.sleep(0.01)

    def _last_words(self):
        return self._log.read_text(errors="replace").strip()[-2000:] or "(it said nothing)"

    def stop(self):
        """Ends the emulator; returns what is wrong with the run as lines, none when all is well."""
        if self._process is None:
            return []
        early = self._process.poll()
        self._process.terminate()
        try:
            status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return [f"{self.name}: the emulator did not end on SIGTERM within {STOP_SECONDS} s"]
        lines = self._findings()
        if status not in (0, EMULATOR_FINDINGS) or (status and not lines):
            when = "during the run" if early is not None else "at its end"
            lines.append(f"{self.name}: the emulator ended {when} with status {status}: {self._last_words()}")
        return lines

    def _findings(self):
        try:
            findings = json.loads(self._report.read_text())["findings"]
        except FileNotFoundError:
            return [f"{self.name}: the emulator wrote no report"]
        except (ValueError, KeyError) as error:
            return [f"{self.name}: the emulator's report cannot be read: {error!r}"]
        return [
            f"{self.name}: rule {finding['rule']} broken {finding.get('count', 1)} times: {finding['text']}"
            for finding in findings
        ]


class ForeignCard:
    """A card whose emulator somebody else runs, say under a debugger. Its findings are theirs to read."""

    def __init__(self, number, socket):
        self.name = f"card {number} (at {socket})"
        self.socket = Path(socket)

    def start(self):
        if not self.socket.is_socket():
            raise VmError(f"no emulator listens on {self.socket}; start one with `halyard-emulator --chip CHIP --socket-path {self.socket}`")

    def stop(self):
        return []


def kernel_arguments(cards):
    """What the guest's kernel is told for these cards: the words of their chips' files, each once, in order."""
    paths = [ROOT / "kernel" / "chips" / card.split(",")[0] / "kernel.args" for card in cards]
    lines = [line for path in paths if path.is_file() for line in path.read_text().splitlines()]
    return list(dict.fromkeys(word for line in lines if not line.startswith("#") for word in line.split()))


def default_emulator():
    return BUILD / "user" / "bin" / "halyard-emulator"


def stop_all(cards):
    """Stops every card and says on which the run fails."""
    lines = [line for card in cards for line in card.stop()]
    return lines, EXIT_CHECKER if lines else 0
