# SPDX-License-Identifier: MIT
"""The command line of scripts/run-llm."""

import argparse
import sys

from halyard_check.core import enabled_chips

from .bench import bench
from .run import compare
from .tools import LlmError, build

DESCRIPTION = """\
Has an unmodified llama.cpp of Debian's write a text with a small model, made here: on ggml's CPU back end and on a card,
in the VM through the driver, then natively on the chip's model. Both texts must be the same; tokens per second are
printed side by side."""


def parse_arguments():
    parser = argparse.ArgumentParser(prog="run-llm", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--card", metavar="CHIP", required=True, choices=enabled_chips(), help="which card, or the model of which chip")
    parser.add_argument("--kernel", metavar="VERSION", default="", help="test kernel, see scripts/fetch-kernel")
    parser.add_argument("--only", choices=("vm", "sim"), help="only one of the two ways")
    parser.add_argument("--bench", action="store_true", help="print figures instead: products, texts, calls for a token")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    kernels = {"vm": arguments.kernel, "sim": None}
    try:
        if arguments.bench:
            bench([arguments.card], arguments.kernel)
            return 0
        build([arguments.card])
        for way, kernel in kernels.items():
            if arguments.only in (None, way):
                outcome = compare(arguments.card, kernel)
                print("\n".join(outcome.lines()), flush=True)
                if outcome.problems():
                    raise LlmError("\n".join(outcome.problems()))
    except LlmError as error:
        print(f"run-llm: {error}", file=sys.stderr)
        return 1
    return 0
