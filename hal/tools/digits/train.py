#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Make, or check, the handwritten-digits network that `halyard run digits` uses.

Needs Debian's python3-numpy, and to train python3-sklearn; see README.md.
"""

import argparse
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # keeps the source tree as it was

import artefacts  # noqa: E402
import dataset  # noqa: E402


def main() -> int:
    """Run the command; 0 if all went well, 1 if a check failed, 2 if a package is missing."""
    options = _parse_options()
    return _check(options.root) if options.check else _train(options.root)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check",
        action="store_true",
        help="train nothing; verify that the files are whole and are what README.md says",
    )
    parser.add_argument(
        "--root",
        type=Path,
        default=Path(__file__).resolve().parent,
        metavar="DIR",
        help="folder with README.md and data/ to write or check (default: this script's)",
    )
    return parser.parse_args()


def _train(root: Path) -> int:
    try:
        train, test = dataset.load()
    except ImportError as error:
        print(f"train.py: training needs Debian's python3-sklearn: {error}", file=sys.stderr)
        return 2
    print(f"training on {len(train.labels)} images, testing on {len(test.labels)}", flush=True)
    files, results = artefacts.build(train, test)
    artefacts.write(root, files, results)
    print(artefacts.describe(files, results), end="")
    return 0


def _check(root: Path) -> int:
    problems, results = artefacts.check(root)
    if results is not None:
        try:
            problems += artefacts.check_split(root, dataset.load()[1])
        except ImportError:
            print("not compared with the source: python3-sklearn is not installed")
    for problem in problems:
        print(f"train.py: {problem}", file=sys.stderr)
    if results is None or problems:
        return 1
    print(
        f"digits: {results.images} test images, float32 {results.correct_f32} correct, "
        f"int8 {results.correct_int8} correct, {results.agreeing} predictions agree"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
