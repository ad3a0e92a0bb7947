# SPDX-License-Identifier: MIT
"""User space on the host: unit tests, sanitizers, the second compiler, fuzzers, static analysis."""

import hashlib
import json
import os
import re
import xml.etree.ElementTree as ElementTree

from .core import BUILD, RESULTS, ROOT, SCRIPTS, Result, each, files, other_clang, stage, tracked_files

FUZZ_SECONDS = 20


def build(log, preset, result):
    """Builds a preset; a failure is one failed test."""
    done = log.run(SCRIPTS / "build-user", preset)
    if done.returncode:
        result.fail(f"the build of preset {preset} failed:", *done.stdout.splitlines()[:20])
    return done.returncode == 0


def run_ctest(log, preset, env=None):
    result = Result()
    if not build(log, preset, result):
        return result
    RESULTS.mkdir(parents=True, exist_ok=True)
    report = RESULTS / f"ctest-{preset}.xml"
    report.unlink(missing_ok=True)
    log.run(
        "ctest", "--test-dir", BUILD / preset, "--output-junit", report, "--output-on-failure", "-j", os.cpu_count(),
        env=env,
    )  # fmt: skip
    if not report.is_file():
        result.fail("ctest wrote no report")
        return result
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if case.get("status") == "fail":
            output = (case.findtext("system-out") or "").splitlines()
            result.fail(f"{case.get('name')}:", *[line for line in output if "Failure" in line or "ERROR" in line][:5])
        elif case.get("status") == "run":
            result.passed += 1
        else:
            result.skip(f"{case.get('name')}: {case.findtext('skipped') or case.get('status')}")
    return result


@stage("build", "user space and the modules for the default kernel build")
def check_build(log):
    result = Result()
    for command in ("build-user", "kbuild"):
        done = log.run(SCRIPTS / command)
        result.judge(done.returncode == 0, *done.stdout.splitlines()[:20])
    return result


@stage("unit", "unit tests on the host")
def check_unit(log):
    return run_ctest(log, "user")


@stage("asan", "unit tests with the second compiler, under AddressSanitizer and UndefinedBehaviorSanitizer")
def check_asan(log):
    return run_ctest(log, "asan", {"ASAN_OPTIONS": "detect_stack_use_after_return=1", "UBSAN_OPTIONS": "print_stacktrace=1"})


@stage("tsan", "unit tests under ThreadSanitizer")
def check_tsan(log):
    return run_ctest(log, "tsan", {"TSAN_OPTIONS": "halt_on_error=1"})


@stage("fuzz", f"each fuzzer for {FUZZ_SECONDS} s")
def check_fuzz(log):
    result = Result()
    if not build(log, "asan", result):
        return result
    folder = BUILD / "asan" / "tests" / "fuzz"
    programs = [path for path in sorted(folder.glob("*")) if path.is_file() and os.access(path, os.X_OK)]
    if not programs:
        result.fail(f"no fuzzer was built in {folder}")
    for program in programs:
        corpus = RESULTS / "corpus" / program.name
        corpus.mkdir(parents=True, exist_ok=True)
        # What is found goes to the first folder; the others are read only.
        seeds = [path for path in sorted((ROOT / "tests" / "fuzz").glob("*/corpus")) if program.name.startswith(path.parent.name)]
        done = log.run(
            program, f"-max_total_time={FUZZ_SECONDS}", "-max_len=8192", "-timeout=10", f"-artifact_prefix={corpus}-",
            corpus, *seeds, timeout=FUZZ_SECONDS + 120,
        )  # fmt: skip
        wrong = [line for line in done.stdout.splitlines() if re.search(r"ERROR|SUMMARY|runtime error", line)]
        result.judge(done.returncode == 0, f"{program.name}:", *wrong[:5])
    return result


@stage("cppcheck", "cppcheck over the HAL and the emulator")
def check_cppcheck(log):
    result = Result()
    # The compile database must be this tree's: it names generated sources, and files that have gone since.
    if not build(log, "user", result):
        return result
    database = BUILD / "user" / "compile_commands.json"
    cache = RESULTS / "cppcheck"
    cache.mkdir(parents=True, exist_ok=True)
    done = log.run(
        "cppcheck", f"--project={database}", f"--cppcheck-build-dir={cache}", "--enable=warning,performance,portability",
        "--inline-suppr", "--std=c++20", "--error-exitcode=1", "--quiet", "-j", os.cpu_count(),
        f"--suppressions-list={ROOT / 'configs' / 'cppcheck-suppressions.txt'}", "--template=gcc",
        *(f"--file-filter={ROOT / folder}*" for folder in ("hal", "emulator")),
    )  # fmt: skip
    wrong = [line for line in done.stdout.splitlines() if re.search(r": (error|warning|performance|portability):", line)]
    # It is content, too, when nothing matches the filters.
    read = sum(1 for path in cache.iterdir() if path.suffix.startswith(".a"))
    if not read:
        result.fail("cppcheck has read nothing")
    result.judge(done.returncode == 0, *(wrong or done.stdout.splitlines())[:15])
    return result


def compile_units():
    """Our sources in the compile database."""
    database = json.loads((BUILD / "user" / "compile_commands.json").read_text())
    paths = {entry["file"] for entry in database}
    return sorted(path for path in paths if path.startswith(f"{ROOT}/") and not path.startswith(f"{BUILD}/"))


def header_digest():
    """clang-tidy's verdict on a source depends on the headers too; which ones, the compiler knows, we take all."""
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    for path in files([".h", ".hpp"], "hal", "emulator", "tests", "uapi", "kernel"):
        digest.update((ROOT / path).read_bytes())
    return digest


def changed_since(stamps, path, headers):
    digest = headers.copy()
    with open(path, "rb") as file:
        digest.update(path.encode() + file.read())
    return stamps / digest.hexdigest()


@stage("clang-tidy", "clang-tidy over user space; a source that passed unchanged is not read again")
def check_tidy(log):
    other = other_clang(log, "clang-tidy")
    if other:
        return other
    result = Result()
    if not build(log, "user", result):
        return result
    stamps = RESULTS / "tidy"
    stamps.mkdir(parents=True, exist_ok=True)
    headers = header_digest()
    known = {str(ROOT / path) for path in tracked_files()}

    def judge(path):
        stamp = changed_since(stamps, path, headers)
        if stamp.is_file():
            return path, True, []
        done = log.run("nice", "clang-tidy", "--quiet", "-p", BUILD / "user", path, timeout=900)
        if done.returncode == 0:
            stamp.touch()
        return path, done.returncode == 0, [line for line in done.stdout.splitlines() if re.search(r": (error|warning):", line)]

    for path, good, wrong in each(judge, [path for path in compile_units() if path in known]):
        result.judge(good, *(wrong or [f"{path}: clang-tidy failed"])[:6])
    return result
