# SPDX-License-Identifier: MIT
"""Figures of ggml on a chip, side by side with ggml's CPU back end. Medians are the tools' own."""

import json
import re
import shlex
import shutil
import sys

from .model import LARGE, made_once, model
from .run import THREADS, compare
from .tools import IN_PROCESS, LIBRARIES, MODELS, PLUGIN, SCRIPTS, LlmError, build, fetch, read_jobs, run_logged

PRODUCTS = r"type_a=(f32|f16|q4_0|q8_0|q4_K),type_b=f32,m=4096,n=(1|512),k=14336"
PRODUCT = re.compile(r"type_a=(\w+),.*?,n=(\d+),.*? ([\d.]+) us/run")
# What users do with a model: they take it as it is published, or with its weights quantised.
LARGE_KINDS = ("f16", "q8_0", "q4_0")
FEW, MANY = 16, 48
CALLS = re.compile(r"^(\w+)\s+(\d+)", re.MULTILINE)


def environment_of(device):
    return {"GGML_BACKEND_PATH": str(PLUGIN), "HALYARD_LIBRARIES": str(LIBRARIES), **IN_PROCESS} if device else {}


def measure_products(root, device):
    """{(type of the weight, columns): microseconds}; without a device the CPU back end's."""
    command = [root / "run", "test-backend-ops", "perf", "-b", device or "CPU", "-o", "MUL_MAT", "-p", PRODUCTS]
    status, output = run_logged(command, env=environment_of(device))
    found = {(kind, int(columns)): float(time) for kind, columns, time in PRODUCT.findall(output)}
    if status or not found:
        raise LlmError("\n".join([f"test-backend-ops measures nothing on {device or 'CPU'}:", *output.splitlines()[-5:]]))
    return found


def print_products(chip):
    root = fetch("ggml")
    cpu, card = measure_products(root, None), measure_products(root, f"{chip}0")
    print(f"{'MUL_MAT 4096 x 14336, natively':<34}{'CPU back end':>14}{chip + '0':>14}{'ratio':>9}")
    for (kind, columns), time in cpu.items():
        label = f"{kind}, {columns} columns, ms"
        if other := card.get((kind, columns)):
            print(f"{label:<34}{time / 1000:>14.1f}{other / 1000:>14.1f}{time / other:>9.2f}")
        else:
            print(f"{label:<34}{time / 1000:>14.1f}{'unsupported':>14}")


def large_model(root, kind):
    """Path of the large model with weights of the type."""
    source = model(MODELS, LARGE)
    if kind == "f16":
        return source

    def make(path):
        status, output = run_logged([root / "run", "llama-quantize", "--pure", source, path, kind])
        if status:
            raise LlmError("\n".join(["llama-quantize fails:", *output.splitlines()[-5:]]))

    return made_once(source.with_stem(f"{source.stem}-{kind}"), make)


def measure_large(root, file, device):
    """{"prompt" or "generation": tokens/s}; without a device the CPU back end's."""
    command = [root / "run", "llama-bench", "-dev", device or "none", "-ngl", "99", "-m", file, "-t", str(THREADS)]
    status, output = run_logged([*command, "-p", "128", "-n", "32", "-r", "3", "-o", "jsonl"], env=environment_of(device))
    tests = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    if status or len(tests) != 2:
        raise LlmError("\n".join([f"llama-bench measures nothing on {device or 'CPU'}:", *output.splitlines()[-5:]]))
    return {"prompt" if test["n_prompt"] else "generation": test["avg_ts"] for test in tests}


def print_large(chip):
    """A model that does not fit into a cache, as those that people use do not."""
    root = fetch("llama")
    print(f"{'163 million weights, natively':<34}{'CPU back end':>14}{chip + '0':>14}{'ratio':>9}")
    for kind in LARGE_KINDS:
        file = large_model(root, kind)
        cpu, card = measure_large(root, file, None), measure_large(root, file, f"{chip}0")
        for what, rate in cpu.items():
            print(f"{f'{kind}, {what}, tokens/s':<34}{rate:>14.1f}{card[what]:>14.1f}{card[what] / rate:>9.2f}")


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
        print_large(chip)
        print("\n".join(compare(chip).lines()))
        print("\n".join(compare(chip, kernel).lines()))
        print_calls(chip, kernel)
        sys.stdout.flush()
