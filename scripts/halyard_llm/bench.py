# SPDX-License-Identifier: MIT
"""Figures of ggml on a chip, side by side with ggml's CPU back end. Medians are the tools' own."""

import re
import shlex
import shutil
import sys

from .model import model
from .run import compare
from .tools import IN_PROCESS, LIBRARIES, MODELS, PLUGIN, SCRIPTS, LlmError, build, fetch, read_jobs, run_logged

PRODUCTS = r"type_a=(f32|f16|q4_0|q8_0|q4_K),type_b=f32,m=4096,n=(1|512),k=14336"
PRODUCT = re.compile(r"type_a=(\w+),.*?,n=(\d+),.*? ([\d.]+) us/run")
FEW, MANY = 16, 48
CALLS = re.compile(r"^(\w+)\s+(\d+)", re.MULTILINE)


def measure_products(root, device):
    """{(type of the weight, columns): microseconds}"""
    environment = {} if device == "CPU" else {"GGML_BACKEND_PATH": str(PLUGIN), "HALYARD_LIBRARIES": str(LIBRARIES), **IN_PROCESS}
    status, output = run_logged([root / "run", "test-backend-ops", "perf", "-b", device, "-o", "MUL_MAT", "-p", PRODUCTS], env=environment)
    found = {(kind, int(columns)): float(time) for kind, columns, time in PRODUCT.findall(output)}
    if status or not found:
        raise LlmError("\n".join([f"test-backend-ops measures nothing on {device}:", *output.splitlines()[-5:]]))
    return found


def print_products(chip):
    root = fetch("ggml")
    cpu, card = measure_products(root, "CPU"), measure_products(root, f"{chip}0")
    print(f"{'MUL_MAT 4096 x 14336, natively':<34}{'CPU back end':>14}{chip + '0':>14}{'ratio':>9}")
    for (kind, columns), time in cpu.items():
        label = f"{kind}, {columns} columns, ms"
        if other := card.get((kind, columns)):
            print(f"{label:<34}{time / 1000:>14.1f}{other / 1000:>14.1f}{time / other:>9.2f}")
        else:
            print(f"{label:<34}{time / 1000:>14.1f}{'unsupported':>14}")


def read_calls(path):
    counts = {name: int(calls) for name, calls in CALLS.findall(path.read_text())}
    return {"all": counts.pop("total"), **counts}


def print_calls(chip, kernel):
    """What one token more costs."""
    root, folder = fetch("llama"), MODELS / f"{chip}-calls"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    script = SCRIPTS / "halyard_llm" / "calls"
    words = [script, root, PLUGIN, LIBRARIES, model(MODELS), f"{chip}0", "/out", str(FEW), str(MANY)]
    vm = [SCRIPTS / "vm", "run", "--card", chip, "--kernel", kernel, "--mount", root, "--share", folder]
    status, output = run_logged([*vm, "--", *words])
    if status:
        raise LlmError("\n".join([f"exit status {status} of {shlex.join(map(str, words))}:", *output.splitlines()[-8:]]))
    few, many = (read_calls(folder / f"calls.{tokens}") for tokens in (FEW, MANY))
    jobs = read_jobs(folder / f"jobs.{MANY}").completed - read_jobs(folder / f"jobs.{FEW}").completed
    each = {name: (calls - few.get(name, 0)) / (MANY - FEW) for name, calls in many.items()}
    dearest = sorted((name for name in each if name != "all" and each[name] >= 0.5), key=lambda name: -each[name])
    print(f"a token in the VM: {jobs / (MANY - FEW):.2f} jobs, {each['all']:.1f} system calls")
    print("    " + ", ".join(f"{name} {each[name]:.1f}" for name in dearest))


def bench(chips, kernel):
    build(chips)
    for chip in chips:
        print_products(chip)
        print("\n".join(compare(chip).lines()))
        print("\n".join(compare(chip, kernel).lines()))
        print_calls(chip, kernel)
        sys.stdout.flush()
