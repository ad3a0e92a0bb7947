# SPDX-License-Identifier: MIT
"""The committed files: their content, their making, and whether they are what README says."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import network
import quantised
import training
from dataset import CLASSES, PIXEL_MAX, PROVENANCE, SPLIT_SEED, Split
from network import Array, Parameters
from tensorfile import TensorFile, TensorFileError, parse, serialise

F32_FILE = "digits-f32.safetensors"
INT8_FILE = "digits-int8.safetensors"
TEST_FILE = "digits-test.safetensors"

ACCURACY_AIM = 0.98

# Up to here float32 holds every integer, so that requantisation starts from the exact accumulator.
_EXACT_IN_FLOAT32 = 2**24

_README_BEGIN = "<!-- results:begin (written by train.py) -->\n"
_README_END = "<!-- results:end -->\n"

_MODEL_METADATA = {
    "network": "conv3x3p1(1,8) relu conv3x3p1(8,16) relu maxpool2x2s2 flatten fc(256,10) softmax",
    "license": "MIT",
    "trained_on": f"{PROVENANCE['title']}, {PROVENANCE['creators']}, {PROVENANCE['license']}, "
    f"doi:{PROVENANCE['doi']}; the images that are not in {TEST_FILE}",
    "split_seed": str(SPLIT_SEED),
    "training_seed": str(training.SEED),
}


@dataclass(frozen=True)
class Results:
    """What both networks make of the test split."""

    images: int
    correct_f32: int
    correct_int8: int
    agreeing: int  # images for which both networks predict the same digit, right or wrong
    lead_f32: float  # smallest distance, over the images, from the best logit to the second
    ties_int8: int  # images whose best int8 logit stands more than once
    accumulator_bound: int
    logits_int8_sha256: str  # of the int8 logits [N, 10], row by row

    def metadata(self) -> dict[str, str]:
        """The part that goes into the model files."""
        return {
            "test_images": str(self.images),
            "test_correct_f32": str(self.correct_f32),
            "test_correct_int8": str(self.correct_int8),
            "test_agreeing_f32_int8": str(self.agreeing),
            "test_logits_int8_sha256": self.logits_int8_sha256,
        }


def evaluate(f32: Parameters, int8: dict[str, Array], test: Split) -> Results:
    """Run both networks over the test split. On equal logits the lowest digit is predicted."""
    logits = network.forward(f32, network.scale_input(test.images)).logits
    ranked = np.sort(logits, axis=1)
    inference = quantised.infer(int8, test.images)
    best = inference.logits.max(axis=1, keepdims=True)
    by_f32, by_int8 = logits.argmax(axis=1), inference.logits.argmax(axis=1)
    return Results(
        images=len(test.labels),
        correct_f32=int((by_f32 == test.labels).sum()),
        correct_int8=int((by_int8 == test.labels).sum()),
        agreeing=int((by_f32 == by_int8).sum()),
        lead_f32=float((ranked[:, -1] - ranked[:, -2]).min()),
        ties_int8=int(((inference.logits == best).sum(axis=1) > 1).sum()),
        accumulator_bound=quantised.accumulator_bound(int8),
        logits_int8_sha256=hashlib.sha256(inference.logits.tobytes()).hexdigest(),
    )


def build(train: Split, test: Split) -> tuple[dict[str, bytes], Results]:
    """Train, quantise and test; return the files' bytes by name, and the results."""
    f32 = training.fit(train)
    int8 = quantised.quantise(f32, network.scale_input(train.images))
    results = evaluate(f32, int8, test)
    metadata = _MODEL_METADATA | {"numpy": np.__version__} | results.metadata()
    images = {"images": test.images, "labels": test.labels}
    files = {
        F32_FILE: serialise(TensorFile(dict(f32), metadata)),
        INT8_FILE: serialise(TensorFile(int8, metadata)),
        TEST_FILE: serialise(TensorFile(images, PROVENANCE)),
    }
    return files, results


def write(root: Path, files: dict[str, bytes], results: Results) -> None:
    """Write the files to root/data and their results into root/README.md."""
    readme = root / "README.md"
    before, _, after = _split_readme(readme.read_text(encoding="utf-8"))
    for name, raw in files.items():
        (root / "data" / name).write_bytes(raw)
    block = describe(files, results)
    readme.write_text(before + _README_BEGIN + block + _README_END + after, encoding="utf-8")


def check(root: Path) -> tuple[list[str], Results | None]:
    """Compare root/data with root/README.md.

    Return what is wrong, a sentence each, and the results if the files were good enough to run.
    """
    files: dict[str, bytes] = {}
    content: dict[str, TensorFile] = {}
    problems: list[str] = []
    for name, layout in _LAYOUTS.items():
        try:
            files[name] = (root / "data" / name).read_bytes()
            content[name] = parse(files[name])
        except (OSError, TensorFileError) as error:
            problems.append(f"{name}: {error}")
            continue
        problems += _compare_layout(name, content[name], layout)
    if problems:
        return problems, None

    problems += _check_test(content[TEST_FILE])
    problems += _check_int8(content[INT8_FILE])
    if problems:
        return problems, None
    test = Split(content[TEST_FILE].tensors["images"], content[TEST_FILE].tensors["labels"])
    results = evaluate(content[F32_FILE].tensors, content[INT8_FILE].tensors, test)
    problems = _check_metadata(content, results)
    problems += _check_aim(results)
    problems += _check_readme(root, describe(files, results))
    return problems, results


def check_split(root: Path, test: Split) -> list[str]:
    """Compare the committed test split, which must parse, with the one that dataset.load gives."""
    tensors = parse((root / "data" / TEST_FILE).read_bytes()).tensors
    if np.array_equal(tensors["images"], test.images) and np.array_equal(
        tensors["labels"], test.labels
    ):
        return []
    return [f"{TEST_FILE}: not the test split that dataset.load gives"]


def describe(files: dict[str, bytes], results: Results) -> str:
    """The results as README.md shows them."""

    def share(count: int) -> str:
        return f"{count} of {results.images} ({100 * count / results.images:.2f} %)"

    lines = [
        "| on the test split | |",
        "|---|---|",
        f"| float32: correct | {share(results.correct_f32)} |",
        f"| int8: correct | {share(results.correct_int8)} |",
        f"| float32 and int8 predict the same digit | {share(results.agreeing)} |",
        f"| float32: smallest lead of the best logit over the second | {results.lead_f32:.4f} |",
        f"| int8: images whose best logit stands more than once | {results.ties_int8} |",
        f"| int8: largest accumulator that any image can cause | {results.accumulator_bound} |",
        f"| int8: SHA-256 of the int8 logits [{results.images}, {CLASSES}] "
        f"| `{results.logits_int8_sha256}` |",
        "",
        "| file | bytes | SHA-256 |",
        "|---|---|---|",
    ]
    for name, raw in sorted(files.items()):
        lines.append(f"| `data/{name}` | {len(raw)} | `{hashlib.sha256(raw).hexdigest()}` |")
    return "\n".join(lines) + "\n"


# Element type and shape by tensor name; None is a size that the file chooses.
_Layout = dict[str, tuple[str, tuple[int | None, ...]]]

_LAYOUTS: dict[str, _Layout] = {
    F32_FILE: {name: ("float32", shape) for name, shape in network.SHAPES.items()},
    INT8_FILE: {
        name: ("int8" if name.endswith(".weight") else "int32", shape)
        for name, shape in network.SHAPES.items()
    }
    | {name: ("float32", shape) for name, shape in quantised.SCALE_SHAPES.items()},
    TEST_FILE: {"images": ("uint8", (None, 8, 8)), "labels": ("uint8", (None,))},
}


def _compare_layout(name: str, content: TensorFile, layout: _Layout) -> list[str]:
    """Compare a file's tensor names, element types and shapes with what they must be."""
    problems = [f"{name}: {tensor} is missing" for tensor in layout.keys() - content.tensors.keys()]
    for tensor, value in content.tensors.items():
        if tensor not in layout:
            problems.append(f"{name}: {tensor} does not belong here")
            continue
        dtype, shape = layout[tensor]
        if value.dtype != dtype:
            problems.append(f"{name}: {tensor} is {value.dtype}, must be {dtype}")
        if len(shape) != value.ndim or any(
            wanted not in (None, found) for wanted, found in zip(shape, value.shape, strict=True)
        ):
            problems.append(f"{name}: {tensor} has shape {value.shape}, must be {shape}")
    return sorted(problems)


def _check_test(content: TensorFile) -> list[str]:
    """Check the test split's values and provenance."""
    images, labels = content.tensors["images"], content.tensors["labels"]
    problems = []
    if len(images) != len(labels) or len(images) == 0:
        problems.append(f"{TEST_FILE}: {len(images)} images but {len(labels)} labels")
    if (images > PIXEL_MAX).any():
        problems.append(f"{TEST_FILE}: a pixel is above {PIXEL_MAX}")
    if (labels >= CLASSES).any():
        problems.append(f"{TEST_FILE}: a label is not a digit")
    if content.metadata != PROVENANCE:
        problems.append(f"{TEST_FILE}: the provenance is not the one in dataset.py")
    return problems


def _check_int8(content: TensorFile) -> list[str]:
    """Check that the scales are usable and that no accumulator is rounded before requantisation."""
    problems = []
    for name in quantised.SCALE_SHAPES:
        scale = content.tensors[name]
        if not (np.isfinite(scale) & (scale > 0)).all():
            problems.append(f"{INT8_FILE}: {name} is not positive and finite")
    bound = quantised.accumulator_bound(content.tensors)
    if bound >= _EXACT_IN_FLOAT32:
        problems.append(
            f"{INT8_FILE}: an accumulator can reach {bound}, which float32 does not hold exactly"
        )
    return problems


def _check_metadata(content: dict[str, TensorFile], results: Results) -> list[str]:
    """Compare the model files' metadata with the results."""
    problems = []
    for name in (F32_FILE, INT8_FILE):
        for key, value in (_MODEL_METADATA | results.metadata()).items():
            found = content[name].metadata.get(key)
            if found != value:
                problems.append(f"{name}: metadata {key} is {found!r}, must be {value!r}")
    return problems


def _check_aim(results: Results) -> list[str]:
    """Compare both accuracies with ACCURACY_AIM."""
    problems = []
    for kind, correct in (("float32", results.correct_f32), ("int8", results.correct_int8)):
        if correct < ACCURACY_AIM * results.images:
            share = f"{correct} of {results.images}"
            problems.append(f"{kind}: {share} is below the aim of {ACCURACY_AIM:.0%}")
    return problems


def _check_readme(root: Path, described: str) -> list[str]:
    """Compare what README.md says of results, sizes and hashes with what is so."""
    try:
        _, stated, _ = _split_readme((root / "README.md").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [f"README.md: {error}"]
    stated_lines, true_lines = stated.splitlines(), described.splitlines()
    problems = [
        f"README.md does not say: {line}" for line in true_lines if line not in stated_lines
    ]
    problems += [
        f"README.md says wrongly: {line}" for line in stated_lines if line not in true_lines
    ]
    return problems


def _split_readme(text: str) -> tuple[str, str, str]:
    """Return what stands before, between and after the results' marks; ValueError without them."""
    before, begin, rest = text.partition(_README_BEGIN)
    block, end, after = rest.partition(_README_END)
    if not begin or not end:
        raise ValueError("the marks around the results are missing")
    return before, block, after
