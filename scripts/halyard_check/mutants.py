# SPDX-License-Identifier: MIT
"""Which test would fail if a protection were removed? tests/mutations/ says what is removed, one by one, and where the
answer is looked for; each mutant is built and tested."""

import argparse
import re
import shutil
import subprocess
import tomllib
from dataclasses import dataclass

from halyard_vm.console import complaints

from .core import BUILD, RESULTS, ROOT, SCRIPTS, Log, Result, enabled_chips, stage
from .debug import has_tests, run_batch
from .guest import VM_TESTS, card_options, run_kunit
from .kcsan import BOOT, prelude
from .kernel import kernel_tree

FOLDER = ROOT / "tests" / "mutations"
OVERLAY = BUILD / "mutants"
VARIANT = "overlay"
KUNIT = "kunit"
# A mutant may hang; what is not caught by then is not caught.
SECONDS = 300


@dataclass(frozen=True)
class Mutation:
    """One protection that is removed: in `file`, a path in kernel/, the text `old`, which is there once, becomes `new`.

    `tests`: "kunit SUITE", or a program of tests/vm with a filter of GoogleTest's, "program Suite.Test:Suite.*"; `kernel`: ""
    is the default one."""

    name: str
    removes: str
    file: str
    old: str
    new: str
    tests: str
    kernel: str = ""

    def source(self):
        return ROOT / "kernel" / self.file

    def misplaced(self):
        """Why it can't be applied, or None."""
        if not self.file.endswith(".c"):
            return f"{self.name}: kernel/{self.file} is no source; who includes it would not be built anew"
        if not self.source().is_file():
            return f"{self.name}: there is no kernel/{self.file}"
        count = self.source().read_text().count(self.old)
        return None if count == 1 else f"{self.name}: what it changes is {count} times in kernel/{self.file}, not once"

    def is_of_disabled_chip(self):
        chip = self.tests.split("_")[0]
        return (ROOT / "kernel" / "chips" / chip).is_dir() and chip not in enabled_chips()

    def untested(self):
        """Why nobody would look for it, or None: a program without any such test seems to have caught it."""
        program, names = self.tests.split()
        if program == KUNIT or self.is_of_disabled_chip():
            return None
        if not (VM_TESTS / program).is_file():
            return f"{self.name}: {program} is not built"
        return None if has_tests(VM_TESTS / program, names) else f"{self.name}: {program} has no tests {names}"

    def text(self):
        return self.source().read_text().replace(self.old, self.new)


def mutations():
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        for entry in tomllib.loads(path.read_text())["mutation"]:
            entry["name"] = f"{path.stem}/{entry['name']}"
            found.append(Mutation(**entry))
    return found


def build(log, kernel, tests, file, text):
    """Modules with one file changed, or with none; None, or what the compiler said."""
    tree, reason = kernel_tree(kernel)
    if tree is None:
        return reason
    output = BUILD / "kernel" / f"{tree.name}-{VARIANT}"
    shutil.rmtree(OVERLAY, ignore_errors=True)
    OVERLAY.mkdir(parents=True)
    if text is not None:
        (OVERLAY / file).parent.mkdir(parents=True, exist_ok=True)
        (OVERLAY / file).write_text(text)
    # The file that takes another's place may be older than what was made of that one.
    marks = output / "mutated"
    for name in {file, *(marks.read_text().split() if marks.is_file() else [])} - {None}:
        (output / name).with_suffix(".o").unlink(missing_ok=True)
    output.mkdir(parents=True, exist_ok=True)
    marks.write_text(file or "")
    # Kernels of our own have KUnit.
    options = ["--kunit"] if tests.startswith(KUNIT) and not kernel else []
    done = log.run(SCRIPTS / "kbuild", "--kernel", kernel, "--overlay", OVERLAY, *options)
    return done.stdout if done.returncode else None


def run(log, kernel, tests):
    """What the tests say of the modules that were built last."""
    options = ["--append", "kmemleak=on"] if kernel == "debug" else []
    name, names = tests.split()
    if name == KUNIT:
        tree, _reason = kernel_tree(kernel)
        options += ["--append", f"kunit.filter_glob={names}"]
        return run_kunit(log, kernel, tree, *options, variant=VARIANT, seconds=SECONDS)
    options += ["--instrument", VARIANT]
    first = ""
    if kernel == "kcsan":
        options += BOOT
        first = prelude()
    result = Result()
    for cards in card_options(VM_TESTS / name):
        result.add(run_batch(log, kernel, cards, [VM_TESTS / name], *options, names=names, prelude=first, seconds=SECONDS))
    return result


def catcher(result):
    """The first thing that told, in short: a test's name, else the kernel's words."""
    for line in result.errors:
        word = re.search(r"not ok \d+ (\w+_\w+)|: (\w[\w/]*\.\w[\w/]*):$", line)
        if word:
            return word[1] or word[2]
    lines = [line for text in result.errors for line in complaints(text)[0]] or result.errors
    return re.sub(r"^(\[[^]]*\] *)+", "", lines[0])[:90]


def program_of(mutation):
    return mutation.kernel, mutation.tests.split()[0]


def baseline(log, chosen, result):
    """Without any mutation the tests pass, or they prove nothing. Returns the kernels and programs of which that is true."""
    good = set()
    for kernel, name in sorted({program_of(mutation) for mutation in chosen}):
        names = {mutation.tests.split()[1] for mutation in chosen if program_of(mutation) == (kernel, name)}
        # KUnit's filter is one pattern.
        tests = f"{name} {'*' if name == KUNIT and len(names) > 1 else ':'.join(sorted(names))}"
        said = build(log, kernel, tests, None, None)
        found = run(log, kernel, tests) if said is None else None
        if found and not found.failed and found.passed:
            good.add((kernel, name))
        else:
            why = found.errors + found.reasons if found else said.splitlines()
            result.fail(f"{tests} fails without any mutation:", *why[:4])
    return good


def try_mutant(log, mutation, result):
    """A line of the table."""
    said = build(log, mutation.kernel, mutation.tests, mutation.file, mutation.text())
    if said is not None:
        result.fail(f"{mutation.name}: the mutant does not build", *said.splitlines()[:4])
        return f"{mutation.name:<34} not built"
    found = run(log, mutation.kernel, mutation.tests)
    result.judge(found.failed, f"{mutation.name}: no test of `{mutation.tests}` misses {mutation.removes}")
    return f"{mutation.name:<34} {mutation.removes}: {catcher(found) if found.failed else 'SURVIVED'}"


def run_mutants(log, chosen, show=lambda line: None):
    result = Result()
    good = baseline(log, chosen, result)
    for mutation in chosen:
        if program_of(mutation) in good:
            line = try_mutant(log, mutation, result)
            show(line)
            result.notes.append(line)
    shutil.rmtree(OVERLAY, ignore_errors=True)
    return result


@stage("mutations", "what mutants change is where they look for it, and tests that they name are there")
def check_places(_log):
    result = Result()
    for mutation in mutations():
        for reason in (mutation.misplaced(), mutation.untested()):
            result.judge(reason is None, reason)
    return result


@stage("mutants", "for each protection removed from the modules, a test that fails")
def check_mutants(log):
    return run_mutants(log, mutations())


def main():
    parser = argparse.ArgumentParser(prog="mutate", description="Removes the modules' protections, one by one, and shows which test catches it.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only mutations whose names begin so")
    parser.add_argument("--kernel", metavar="NAME", help="only those of this kernel; \"\": of the default one")
    parser.add_argument("--list", action="store_true", help="list the mutations")
    arguments = parser.parse_args()
    chosen = [each for each in mutations() if not arguments.names or each.name.startswith(tuple(arguments.names))]
    if arguments.kernel is not None:
        chosen = [each for each in chosen if each.kernel == arguments.kernel]
    wrong = [reason for mutation in chosen for reason in (mutation.misplaced(), mutation.untested()) if reason]
    if wrong or not chosen:
        parser.error("; ".join(wrong) or "there is no such mutation (see --list)")
    if arguments.list:
        for mutation in chosen:
            print(f"{mutation.name:<34} {mutation.removes}")
        return 0
    subprocess.run([SCRIPTS / "kconfig", "generate"], check=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    log = Log("mutants")
    result = run_mutants(log, chosen, lambda line: print(line, flush=True))
    print("\n".join(result.errors))
    print(f"{result.passed} caught, {result.failed} not; log: {log.path}")
    return 1 if result.failed else 0
