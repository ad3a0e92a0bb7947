# SPDX-License-Identifier: MIT
"""One comparison: a text and tokens per second of ggml's CPU back end and of a card."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from .model import model
from .tools import IN_PROCESS, LIBRARIES, MODELS, PLUGIN, SCRIPTS, Jobs, LlmError, fetch, read_jobs, run_logged

PROMPT, TOKENS, THREADS = "bada kilo", 64, 2
MINUTES = 10
# Tokens at a time, and times, for the measure of generation. Natively eight tokens would be over in two milliseconds, most
# of which wakes threads; in the VM, where the processor is an emulated one, they take the CPU back end half a second.
MEASURED, MEASURED_IN_VM = (64, 8), (8, 2)
# What `vm run` says with its exit status when all went well but these.
VM_STATUS = {120: "the guest kernel complained", 121: "the card's protocol checker complained", 124: "the time limit was over"}


@dataclass
class Outcome:
    where: str
    device: str
    texts: dict = field(default_factory=dict)  # "cpu", "card"
    rates: dict = field(default_factory=dict)  # (which, "prompt" or "generation"): tokens/s
    jobs: Jobs = field(default_factory=Jobs)

    def problems(self):
        found = []
        if self.texts["cpu"] != self.texts["card"]:
            found.append(f"the texts differ: CPU {self.texts['cpu']!r}, {self.device} {self.texts['card']!r}")
        if self.jobs.completed < TOKENS:
            found.append(f"{self.device} counted {self.jobs.completed} jobs for {TOKENS} tokens")
        if self.jobs.failed:
            found.append(f"{self.device} counted {self.jobs.failed} failed jobs")
        return found

    def lines(self):
        yield f"{self.where:<28}{'CPU back end':>14}{self.device:>14}{'ratio':>9}"
        for what in ("prompt", "generation"):
            cpu, card = self.rates["cpu", what], self.rates["card", what]
            yield f"{what + ', tokens/s':<28}{cpu:>14.1f}{card:>14.1f}{card / cpu:>9.2f}"
        same = "the same" if self.texts["cpu"] == self.texts["card"] else "DIFFERENT"
        yield f"{TOKENS} tokens at temperature 0: {same} text; {self.jobs.completed} jobs, {self.jobs.completed / TOKENS:.1f} for a token"


def read_rates(path):
    rates = {}
    for test in json.loads(path.read_text()):
        rates["prompt" if test["n_prompt"] else "generation"] = test["avg_ts"]
    return rates


def read_outcome(where, device, out):
    outcome = Outcome(where, device)
    for which in ("cpu", "card"):
        outcome.texts[which] = (out / f"{which}.text").read_bytes()
        for what, rate in read_rates(out / f"{which}.json").items():
            outcome.rates[which, what] = rate
    outcome.jobs = read_jobs(out / "card.jobs")
    return outcome


def compare(chip, kernel=None, run=run_logged):
    """In a VM with a card of the chip, or with kernel=None natively on the chip's model. Throws LlmError."""
    if not PLUGIN.is_file():
        raise LlmError(f"{PLUGIN} is not built")
    native = kernel is None
    out = MODELS / f"{chip}-{'sim' if native else 'vm'}"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    root, file, device = fetch("llama", run), model(MODELS), f"{chip}0"

    def session(folder):
        script = Path(__file__).with_name("session")
        measured = MEASURED if native else MEASURED_IN_VM
        return [script, root, PLUGIN, LIBRARIES, file, device, folder, str(THREADS), str(TOKENS), PROMPT, *map(str, measured)]

    if native:
        status, output = run(["nice", *session(out)], env=IN_PROCESS, timeout=MINUTES * 60)
    else:
        # Of the host the guest sees only the repository and what it is given.
        vm = [SCRIPTS / "vm", "run", "--card", chip, "--kernel", kernel, "--mount", root, "--share", out, "--timeout", str(MINUTES * 60)]
        status, output = run([*vm, "--", *session("/out")], timeout=MINUTES * 60 + 120)
    failure = out / "failure"
    if failure.is_file():
        raise LlmError(failure.read_text().strip())
    if status:
        reason = VM_STATUS.get(status, f"exit status {status}")
        raise LlmError("\n".join([f"{chip}: {reason}", *output.splitlines()[-12:]]))
    return read_outcome("natively, in process" if native else "in the VM", device, out)
