# SPDX-License-Identifier: MIT
"""What looks for the kernel half's mistakes by itself: failing allocations, a fuzzer, and what all tests leave unexecuted."""

import json
import os
import re
import shutil
import subprocess
from collections import Counter, defaultdict

from .core import BUILD, RESULTS, ROOT, SCRIPTS, Result, stage
from .debug import run_batch
from .guest import WHY, card_options, programs
from .kernel import modules_for

ALLOC_TESTS = BUILD / "user" / "tests" / "alloc"
FUZZERS = BUILD / "user" / "tests" / "uapi"
FUZZ_SECONDS = 120
REPLAY_SECONDS = 900
COVERAGE_GOAL = 90
# Runs programs and leaves in /out what GCOV counted, in the folders where the objects were built.
GCOV_SCRIPT = """
limit=$1
shift
for program; do
  if [ "$program" = kunit ]; then
    for module in /lib/modules/*/halyard_*kunit.ko; do module=${module##*/}; modprobe "${module%.ko}"; done
  else
    sh -c "exec timeout $limit $program" >>/out/output 2>&1
    echo "$program: $?" >>/out/statuses
  fi
done
cd /sys/kernel/debug/gcov && find . -name '*.gcda' | while read -r file; do
  mkdir -p "/out/gcov/${file%/*}" && cat "$file" >"/out/gcov/$file"
done
"""


def programs_in(folder):
    return sorted(path for path in folder.glob("*") if path.is_file() and os.access(path, os.X_OK))


def corpus_of(program):
    """Programs that are kept in the folder of the chip whose fuzzer this is."""
    return ROOT / "tests" / "vm" / program.name.split("_")[0] / "uapi_corpus"


# ---- allocations ----


@stage("alloc", "every call with each of its allocations failing, on the debug kernel")
def check_alloc(log):
    result = Result()
    if modules_for("debug", log, result) is None:
        return result
    for program in programs_in(ALLOC_TESTS):
        for options in card_options(program):
            result.add(run_batch(log, "debug", tuple(options), [program], "--append", "kmemleak=on"))
    if not programs_in(ALLOC_TESTS):
        result.fail(f"there are no programs in {ALLOC_TESTS}")
    return result


# ---- the fuzzer ----


def instrumented_points(module, symbol="__sanitizer_cov_trace_pc"):
    """Where a module tells KCOV of itself: offsets in .text as KCOV has them, behind the call."""
    output = subprocess.run(["readelf", "-rW", module], stdout=subprocess.PIPE, text=True, check=True).stdout
    points, section = set(), ""
    for line in output.splitlines():
        words = line.split()
        if line.startswith("Relocation section"):
            section = line.split("'")[1]
        elif section == ".rela.text" and len(words) > 4 and words[4] == symbol:
            points.add(int(words[0], 16) + 4)
    return points


def lines_of(module, points):
    """Source lines of the points: (file, line)."""
    asked = "\n".join(f"{point - 1:#x}" for point in sorted(points))
    output = subprocess.run(
        ["addr2line", "-e", module, "-j", ".text"], input=asked, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    return {line.split(" ")[0] for line in output.splitlines()}


def reached(report):
    """{module: offsets in .text} of what the fuzzer has reached."""
    modules = defaultdict(set)
    for line in report.read_text().splitlines():
        module, section, offset = line.split()
        if section == ".text":
            modules[module].add(int(offset, 16))
    return modules


def describe_reach(report, build):
    """One line: how much of the modules the calls themselves have executed. What runs in interrupts and in the kernel's own
    threads KCOV does not see."""
    seen = reached(report)
    parts = []
    for module, points in sorted(seen.items()):
        path = next(build.glob(f"**/{module}.ko"))
        every = instrumented_points(path)
        lines, hit = lines_of(path, every), lines_of(path, points & every)
        parts.append(f"{module} {len(points & every)} of {len(every)} points, {len(hit)} of {len(lines)} lines")
    return "; ".join(parts)


def run_fuzzer(log, tree, program, options, seconds, seed):
    """One card's fuzzer: its report is one test."""
    result = Result()
    share = RESULTS / "uapi" / program.name
    shutil.rmtree(share, ignore_errors=True)
    share.mkdir(parents=True)
    corpus = ["--corpus", corpus_of(program)] if corpus_of(program).is_file() else []
    done = log.run(
        SCRIPTS / "vm", "run", *options, "--kernel", "debug", "--instrument", "kcov", "--timeout", seconds + 600, "--share", share,
        "--", program, "--seconds", seconds, "--seed", seed, *corpus, timeout=seconds + 720,
    )  # fmt: skip
    told = [line for line in done.stdout.splitlines() if " programs, " in line]
    said = done.stdout.splitlines()
    wrong = [line for line in said if line.startswith(("FAILED", "vm:"))] if done.returncode != 2 else said[-15:]
    result.judge(
        done.returncode == 0 and bool(told),
        f"{program.name}: exit status {done.returncode} {WHY.get(done.returncode, '')}; the last programs: {share / 'ring'}",
        *wrong[:15],
    )
    if told:
        result.notes.append(f"{program.name}: {told[-1]}")
    if (share / "addresses").is_file():
        build = BUILD / "kernel" / f"{tree.name}-kcov"
        result.notes.append(f"{program.name}: {describe_reach(share / 'addresses', build)}")
    return result


@stage("uapi-fuzz", f"the kernel's interface under a fuzzer, {FUZZ_SECONDS} s over the chips, on the debug kernel")
def check_uapi_fuzz(log):
    result = Result()
    tree = modules_for("debug", log, result, "--instrument", "kcov")
    if tree is None:
        return result
    runs = [(program, options) for program in programs_in(FUZZERS) for options in card_options(program)]
    if not runs:
        result.fail(f"there are no programs in {FUZZERS}")
    for program, options in runs:
        result.add(run_fuzzer(log, tree, program, options, FUZZ_SECONDS // len(runs), 1))
    return result


# ---- coverage ----


def coverage_batches():
    """{options: commands}: what is run in each machine."""
    batches = defaultdict(list)
    for program in [*programs(), *programs_in(ALLOC_TESTS)]:
        for options in card_options(program):
            # A device that is lost is so for those behind.
            alone = program.with_name(program.name + ".alone").exists()
            batches[tuple(options), program.name if alone else ""].append(str(program))
    for program in programs_in(FUZZERS):
        for options in card_options(program):
            words = [program, "--seconds", 60, *(("--corpus", corpus_of(program)) if corpus_of(program).is_file() else ())]
            batches[tuple(options), ""].append(" ".join(map(str, words)))
    batches[(), "kunit"].append("kunit")
    return batches


def count_lines(counts, build, share):
    """Adds what GCOV counted in one machine: {(file, line): executions}."""
    for data in sorted((share / "gcov").glob("**/*.gcda")):
        notes = next(build.glob(f"**/{data.stem}.gcno"), None)
        if notes is None or "tests" in notes.relative_to(build).parts:
            continue
        shutil.copyfile(data, notes.with_suffix(".gcda"))
        output = subprocess.run(
            ["gcov", "--json-format", "--stdout", notes.with_suffix(".gcda")],
            cwd=notes.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True,
        ).stdout  # fmt: skip
        for document in output.splitlines():
            for file in json.loads(document)["files"]:
                name = os.path.realpath(os.path.join(notes.parent, file["file"]))
                if name.startswith(f"{ROOT / 'kernel'}{os.sep}"):
                    for line in file["lines"]:
                        counts[os.path.relpath(name, ROOT / "kernel"), line["line_number"]] += line["count"]


def ranges(numbers):
    """[1, 2, 3, 7] is "1-3 7"."""
    parts = []
    for number in sorted(numbers):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return " ".join(f"{first}-{last}" if last > first else str(first) for first, last in parts)


def coverage_table(counts):
    """Lines for people: each file's share and what is missing, and the sum; and the sum's percentage."""
    files = defaultdict(lambda: ([], []))
    for (name, line), count in counts.items():
        files[name][0 if count else 1].append(line)
    table = []
    for name, (hit, missed) in sorted(files.items()):
        table.append(f"{name:<36} {len(hit):>5} of {len(hit) + len(missed):>5} {100 * len(hit) / (len(hit) + len(missed)):>6.1f} %  {ranges(missed)}")
    hit = sum(1 for count in counts.values() if count)
    percent = 100 * hit / max(len(counts), 1)
    table.append(f"{'all':<36} {hit:>5} of {len(counts):>5} {percent:>6.1f} %")
    return table, percent


@stage("coverage", "lines of the kernel modules that all tests together execute, on the debug kernel")
def check_coverage(log):
    result = Result()
    tree = modules_for("debug", log, result, "--instrument", "gcov")
    if tree is None:
        return result
    build = BUILD / "kernel" / f"{tree.name}-gcov"
    counts = Counter()
    for number, ((options, _group), commands) in enumerate(sorted(coverage_batches().items())):
        share = RESULTS / "coverage" / str(number)
        shutil.rmtree(share, ignore_errors=True)
        share.mkdir(parents=True)
        limit = REPLAY_SECONDS * len(commands)
        log.run(
            SCRIPTS / "vm", "run", *options, "--kernel", "debug", "--instrument", "gcov", "--timeout", limit, "--share", share,
            "--append", "kunit.stats_enabled=2", "--", "sh", "-c", GCOV_SCRIPT, "sh", REPLAY_SECONDS, *commands, timeout=limit + 120,
        )  # fmt: skip
        result.judge((share / "gcov").is_dir(), f"{' '.join(options)}: the machine has left no counts")
        count_lines(counts, build, share)
    table, percent = coverage_table(counts)
    (RESULTS / "coverage" / "table").write_text("\n".join([*table, ""]))
    log.write("\n".join(table))
    result.notes.append(f"{table[-1]} (the aim is {COVERAGE_GOAL} %; by file: {RESULTS / 'coverage' / 'table'})")
    return result
