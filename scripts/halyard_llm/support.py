# SPDX-License-Identifier: MIT
"""Which operations of ggml's each chip says that it supports, as tables for the documentation."""

import csv
import io
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

from halyard_check.core import enabled_chips

from .tools import IN_PROCESS, LIBRARIES, PLUGIN, LlmError, build, fetch, run_logged

WEIGHTS = re.compile(r"\btype_a=(\w+)")
# Products with weights in blocks, or of any type.
PRODUCTS = ("MUL_MAT", "MUL_MAT_ID")


def ask(root, chip):
    """[(operation, parameters, whether it is supported)] of each case of test-backend-ops."""
    environment = {"GGML_BACKEND_PATH": str(PLUGIN), "HALYARD_LIBRARIES": str(LIBRARIES), **IN_PROCESS}
    command = ["sh", "-c", 'exec "$0" test-backend-ops support -b "$1" --output csv 2>/dev/null', root / "run", f"{chip}0"]
    status, output = run_logged(command, env=environment)
    cases = [(row["op_name"], row["op_params"], row["supported"] == "1") for row in csv.DictReader(io.StringIO(output))]
    if status or not cases:
        raise LlmError("\n".join([f"test-backend-ops does not tell what {chip} supports:", *output.splitlines()[-5:]]))
    return cases


def amount(supported, cases):
    if supported in (0, cases):
        return "all" if supported else "none"
    return f"{supported} of {cases}"


def table(heading, answers, key):
    """Rows of a table: a line for each key(operation, parameters) that is not None, a column for each chip."""
    cases, supported = defaultdict(Counter), defaultdict(Counter)
    for chip, answer in answers.items():
        for operation, parameters, yes in answer:
            name = key(operation, parameters)
            if name is not None:
                cases[name][chip] += 1
                supported[name][chip] += yes
    rows = [[name, *(amount(supported[name][chip], cases[name][chip]) for chip in answers)] for name in sorted(cases)]
    return [[heading, *answers], *rows]


def weights_of(operation, parameters):
    found = WEIGHTS.search(parameters)
    return found[1] if operation in PRODUCTS and found else None


def write(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def main():
    if len(sys.argv) != 2:
        print("usage: ggml-support FOLDER   (writes tables of what each enabled chip supports there)", file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    try:
        chips = enabled_chips()
        build(chips)
        answers = {chip: ask(fetch("ggml"), chip) for chip in chips}
    except LlmError as error:
        print(f"ggml-support: {error}", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "operations.csv", table("Operation", answers, lambda operation, _parameters: operation))
    write(folder / "weights.csv", table("Weights", answers, weights_of))
    return 0
