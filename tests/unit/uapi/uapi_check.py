#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks the uAPI headers as user space meets them.

  uapi_check.py layout [--update] ...  every struct is laid out alike for 32-bit and 64-bit callers, without implicit
                                       padding, and as <header>.layout has it: what is there is never changed
  uapi_check.py compile ...            every header compiles alone, as C90 and later and as C++, without a warning

The layouts come from the compiler: it is made to print sizes and offsets as assembly, so nothing has to run or to be
linked for the other word size.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

STRUCT = re.compile(r"^struct (\w+) \{\n(.*?)^\};", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
FIELD = re.compile(r"^\s*(?:struct )?\w+\s+(\w+)(?:\[\w+\])?;", re.MULTILINE)
IOCTL = re.compile(r"^#define (DRM_IOCTL_HALYARD_\w+)\s", re.MULTILINE)
CONSTANT = re.compile(r"^\t(DRM_HALYARD_\w+)(?:\s*=[^,]*)?,?$|^#define (DRM_HALYARD_\w+)[ \t]+\S", re.MULTILINE)

STANDARDS = [("c", s) for s in ("c90", "gnu99", "c11", "c17")] + [("c++", s) for s in ("c++11", "c++20")]


def facts_of(header):
    """[(name, C expression)] of all that may never change in a header."""
    text = COMMENT.sub("", header.read_text())
    facts = []
    for name, body in STRUCT.findall(text):
        fields = FIELD.findall(body)
        if body.count(";") != len(fields):
            sys.exit(f"{header.name}: struct {name} has a member that this test does not understand")
        facts.append((f"struct {name}", f"sizeof(struct {name})"))
        for field in fields:
            member = f"((struct {name} *)0)->{field}"
            facts.append((f"struct {name}.{field}", f"__builtin_offsetof(struct {name}, {field})"))
            facts.append((f"struct {name}.{field} size", f"sizeof({member})"))
    facts += [(name, name) for name in IOCTL.findall(text)]
    # What counts something grows with it.
    facts += [(a or b, a or b) for a, b in CONSTANT.findall(text) if "_NUM_" not in (a or b)]
    if len([f for f in facts if f[0].startswith("struct")]) < 3:
        sys.exit(f"{header.name}: no struct found; has its style changed?")
    return facts


def compiler(arguments, mode):
    # The headers of the other word size are the same ones; only their folder is not searched without multilib.
    arch = subprocess.run([arguments.cc, "-print-multiarch"], capture_output=True, text=True, check=True).stdout.strip()
    command = [arguments.cc, *mode, "-Wall", "-Wextra", "-Wpadded", "-Werror"]
    command += [f"-I{folder}" for folder in arguments.include]
    for folder in arguments.system_include + [f"/usr/include/{arch}"]:
        command += ["-isystem", folder]
    return command


def layout_of(arguments, header, bits):
    facts = facts_of(header)
    source = f'#include "{header.resolve()}"\n' + "void facts(void)\n{\n"
    for index, (_, expression) in enumerate(facts):
        source += f'\t__asm__ volatile(".ascii \\"@{index} %c0\\"" : : "i" ((unsigned int)({expression})));\n'
    source += "}\n"
    # An immediate of 64 bits is not one of 32-bit code, but every fact fits into 32.
    command = compiler(arguments, [f"-m{bits}", "-O1", "-ffreestanding", "-S", "-x", "c", "-o", "-", "-"])
    run = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(f"-m{bits}: {run.stderr}")
    values = dict(re.findall(r'"@(\d+) (-?\d+)"', run.stdout))
    if len(values) != len(facts):
        sys.exit(f"-m{bits}: {len(facts)} facts asked, {len(values)} answered")
    return {name: int(values[str(index)]) & 0xFFFFFFFF for index, (name, _) in enumerate(facts)}


def differences(ours, theirs, what):
    return [f"{name}: {ours[name]} here, {theirs.get(name, 'gone')} {what}" for name in ours if ours[name] != theirs.get(name)]


def golden_of(header):
    """A header's layout as it was released: one file per header, as a chip's is the chip's own."""
    return HERE / f"{header.stem}.layout"


def read_golden(header):
    text = golden_of(header).read_text()
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {name: int(value, 0) for name, value in lines}


def check_header(arguments, header):
    layout = layout_of(arguments, header, 64)
    errors = differences(layout, layout_of(arguments, header, 32), "with -m32")
    if arguments.update:
        text = "# SPDX-License-Identifier: MIT\n# Written by uapi_check.py layout --update. A line may be added, never changed.\n"
        text += "".join(f"{name} {value:#x}\n" for name, value in layout.items())
        golden_of(header).write_text(text)
    else:
        golden = read_golden(header)
        # A struct may grow at its end; the offsets of what it had then still hold it in place.
        errors += [e for e in differences(golden, layout, "now") if not re.match(r"struct \w+: ", e)]
        errors += [f"{n}: shrank" for n, v in golden.items() if re.fullmatch(r"struct \w+", n) and layout.get(n, 0) < v]
        missing = [name for name in layout if name not in golden]
        errors += [f"{name}: not in {golden_of(header).name}; add it with --update" for name in missing]
    return errors


def check_layout(arguments):
    return [error for header in arguments.headers for error in check_header(arguments, header)]


def check_compile(arguments):
    errors = []
    for header in arguments.headers:
        for language, standard in STANDARDS:
            mode = [f"-std={standard}", "-fsyntax-only", "-x", language, "-"]
            source = f'#include "{header.resolve()}"\n' * 2
            run = subprocess.run(compiler(arguments, mode), input=source, capture_output=True, text=True, check=False)
            if run.returncode:
                errors.append(f"{header.name} as {standard}: {run.stderr}")
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", choices=("layout", "compile"))
    parser.add_argument("headers", type=Path, nargs="+")
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("--include", action="append", default=[])
    parser.add_argument("--system-include", action="append", default=[])
    parser.add_argument("--update", action="store_true", help="write the layout files")
    arguments = parser.parse_args()

    errors = check_layout(arguments) if arguments.check == "layout" else check_compile(arguments)
    print("\n".join(errors) or f"{arguments.check}: {len(arguments.headers)} headers are as they should be")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
