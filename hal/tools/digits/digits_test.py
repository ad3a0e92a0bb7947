# SPDX-License-Identifier: MIT
"""Tests of the digits network's own arithmetic, of its file format and of the check."""

import json
import shutil
import sys
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.dont_write_bytecode = True

import artefacts  # noqa: E402
import network  # noqa: E402
import quantised  # noqa: E402
import tensorfile  # noqa: E402
import training  # noqa: E402

ROOT = Path(__file__).resolve().parent


class Arithmetic(unittest.TestCase):
    """The float32 network against definitions that share no code with it."""

    def test_convolution_matches_its_definition(self) -> None:
        random = np.random.RandomState(0)
        x = random.randint(-9, 10, (2, 3, 4, 5))
        weight = random.randint(-9, 10, (6, 3, 3, 3))
        expected = np.zeros((2, 6, 4, 5), int)
        for n, o, i, y, z, ky, kz in np.ndindex(2, 6, 3, 4, 5, 3, 3):
            row, column = y + ky - 1, z + kz - 1
            if 0 <= row < 4 and 0 <= column < 5:
                expected[n, o, y, z] += x[n, i, row, column] * weight[o, i, ky, kz]
        np.testing.assert_array_equal(network.conv3x3(x, weight), expected)

    def test_gradients_match_finite_differences(self) -> None:
        random = np.random.RandomState(0)
        # float64, and biases away from zero: blank areas would sit on ReLU's kink
        wide: dict[str, Any] = {
            name: value.astype(np.float64) + 0.1 * random.standard_normal(value.shape)
            for name, value in training.initial_parameters(random).items()
        }
        x: Any = random.random_sample((7, 1, 8, 8))
        labels = random.randint(0, 10, 7).astype(np.uint8)

        def loss() -> float:
            logits = network.forward(wide, x).logits
            peak = logits.max(axis=1)
            norm = np.log(np.exp(logits - peak[:, None]).sum(axis=1)) + peak
            return float((norm - logits[np.arange(7), labels]).mean())

        found = network.gradients(wide, network.forward(wide, x), labels)
        step = 1e-6
        for name, value in wide.items():
            place = tuple(random.randint(size) for size in value.shape)
            centre = value[place]
            value[place] = centre + step
            above = loss()
            value[place] = centre - step
            below = loss()
            value[place] = centre
            with self.subTest(name):
                self.assertAlmostEqual(found[name][place], (above - below) / (2 * step), places=5)

    def test_pooling_windows_are_two_by_two(self) -> None:
        x = np.arange(16).reshape(1, 1, 4, 4)
        np.testing.assert_array_equal(network.pool_windows(x).max(axis=-1), [[[[5, 7], [13, 15]]]])


class Requantisation(unittest.TestCase):
    """The rules that README.md states."""

    def test_halves_go_to_even(self) -> None:
        accumulators = np.array([-5, -3, -1, 1, 3, 5], np.int32)
        result = quantised.requantise(accumulators, np.array([0.5], np.float32))
        self.assertEqual(result.tolist(), [-2, -2, 0, 0, 2, 2])

    def test_saturates(self) -> None:
        accumulators = np.array([-129, -128, 127, 128, 2**31 - 1], np.int32)
        result = quantised.requantise(accumulators, np.array([1], np.float32))
        self.assertEqual(result.tolist(), [-128, -128, 127, 127, 127])

    def test_multiplier_rounds_the_product_first(self) -> None:
        in_scale, weight_scale, out_scale = list(np.array([[0.1], [0.7], [0.3]], np.float32))
        product = np.float32(float(in_scale[0]) * float(weight_scale[0]))
        expected = np.float32(float(product) / float(out_scale[0]))
        self.assertNotEqual(expected, in_scale[0] * (weight_scale[0] / out_scale[0]))
        found = quantised.multiplier(in_scale, weight_scale, out_scale)
        self.assertEqual(found.tolist(), [expected])

    def test_raw_image_is_the_quantised_input(self) -> None:
        image = np.arange(17, dtype=np.uint8)[None, None]
        scale = tensorfile.read(ROOT / "data" / artefacts.INT8_FILE).tensors["input.scale"]
        np.testing.assert_array_equal(network.scale_input(image) / scale, image[:, None])

    def test_inference_matches_its_definition(self) -> None:
        tensors = tensorfile.read(ROOT / "data" / artefacts.INT8_FILE).tensors
        images = tensorfile.read(ROOT / "data" / artefacts.TEST_FILE).tensors["images"][:3]
        found = quantised.infer(tensors, images).logits
        for image, logits in zip(images, found, strict=True):
            self.assertEqual(logits.tolist(), _infer_by_loops(tensors, image))


def _infer_by_loops(tensors: dict[str, Any], image: Any) -> list[int]:
    """README.md's integer inference, one number at a time, in Python integers."""

    def requantise(acc: int, layer: str, channel: int, in_scale: Any) -> int:
        weight_scale, out_scale = tensors[f"{layer}.weight_scale"], tensors[f"{layer}.out_scale"]
        factor = in_scale * weight_scale[channel] / out_scale
        return max(-128, min(127, round(float(np.float32(acc) * factor))))

    def convolve(layer: str, x: list[Any], in_scale: Any) -> list[Any]:
        weight = tensors[f"{layer}.weight"].tolist()
        out: list[Any] = [[[0] * 8 for _ in range(8)] for _ in weight]
        for o, y, z in np.ndindex(len(weight), 8, 8):
            acc = int(tensors[f"{layer}.bias"][o])
            for i, ky, kz in np.ndindex(len(x), 3, 3):
                row, column = y + ky - 1, z + kz - 1
                if 0 <= row < 8 and 0 <= column < 8:
                    acc += x[i][row][column] * weight[o][i][ky][kz]
            out[o][y][z] = max(0, requantise(acc, layer, o, in_scale))
        return out

    conv1 = convolve("conv1", [image.tolist()], tensors["input.scale"])
    conv2 = convolve("conv2", conv1, tensors["conv1.out_scale"])
    flat = [
        max(conv2[c][2 * y + dy][2 * z + dz] for dy in (0, 1) for dz in (0, 1))
        for c, y, z in np.ndindex(16, 4, 4)
    ]
    weight = tensors["fc.weight"].tolist()
    bias = tensors["fc.bias"].tolist()
    sums = [bias[d] + sum(v * weight[k][d] for k, v in enumerate(flat)) for d in range(10)]
    return [requantise(acc, "fc", d, tensors["conv2.out_scale"]) for d, acc in enumerate(sums)]


class Container(unittest.TestCase):
    """The safetensors reader and writer."""

    def setUp(self) -> None:
        self.tensors: dict[str, Any] = {
            "bytes": np.arange(3, dtype=np.uint8),
            "scalar": np.array(0.5, np.float32),
            "words": np.arange(6, dtype=np.int32).reshape(2, 3),
        }
        self.raw = tensorfile.serialise(tensorfile.TensorFile(self.tensors, {"key": "välue"}))
        length = int.from_bytes(self.raw[:8], "little")
        self.header: dict[str, Any] = json.loads(self.raw[8 : 8 + length])
        self.data = self.raw[8 + length :]

    def _pack(self, header: Any, data: bytes | None = None) -> bytes:
        text = (header if isinstance(header, str) else json.dumps(header)).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text + (self.data if data is None else data)

    def _refuse(self, raw: bytes, reason: str) -> None:
        with self.assertRaisesRegex(tensorfile.TensorFileError, reason):
            tensorfile.parse(raw)

    def test_round_trip(self) -> None:
        back = tensorfile.parse(self.raw)
        self.assertEqual(back.metadata, {"key": "välue"})
        self.assertEqual(back.tensors.keys(), self.tensors.keys())
        for name, tensor in self.tensors.items():
            np.testing.assert_array_equal(back.tensors[name], tensor, strict=True)

    def test_tensors_are_aligned(self) -> None:
        self.assertEqual((len(self.raw) - len(self.data)) % 8, 0)
        for name, tensor in self.tensors.items():
            self.assertEqual(self.header[name]["data_offsets"][0] % tensor.itemsize, 0)

    def test_refuses_to_write_other_types(self) -> None:
        with self.assertRaisesRegex(tensorfile.TensorFileError, "no safetensors name"):
            tensorfile.serialise(tensorfile.TensorFile({"x": np.zeros(1, np.float64)}, {}))

    def test_refuses_metadata_as_a_tensor(self) -> None:
        with self.assertRaisesRegex(tensorfile.TensorFileError, "not a tensor name"):
            tensorfile.serialise(tensorfile.TensorFile({"__metadata__": np.zeros(1, "f4")}, {}))

    def test_refuses_every_truncation(self) -> None:
        for length in range(len(self.raw)):
            with self.assertRaises(tensorfile.TensorFileError):
                tensorfile.parse(self.raw[:length])

    def test_refuses_malformed_headers(self) -> None:
        self._refuse((7).to_bytes(8, "little") + b"{}     ", "multiple of 8")
        self._refuse((2**63).to_bytes(8, "little") + b"{}", "truncated")
        self._refuse(self._pack("{nonsense"), "not JSON")
        self._refuse(self._pack([1]), "not a JSON object")
        self._refuse(self._pack('{"a": {}, "a": {}}'), "stands twice")
        self._refuse(self._pack(self.header | {"__metadata__": {"key": 1}}), "map of strings")
        self._refuse(self._pack(self.header, self.data + b"\0"), "1 bytes after the last")

    def test_refuses_malformed_entries(self) -> None:
        cases: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
            (lambda entry: entry.pop("shape"), "exactly dtype, shape"),
            (lambda entry: entry.update(more=1), "exactly dtype, shape"),
            (lambda entry: entry.update(dtype="F128"), "not supported"),
            (lambda entry: entry.update(dtype=["F32"]), "not supported"),
            (lambda entry: entry.update(shape=[2, -3]), "list of sizes"),
            (lambda entry: entry.update(shape=[True, 6]), "list of sizes"),
            (lambda entry: entry.update(shape=[7]), "does not fit"),
            (lambda entry: entry.update(data_offsets=[4]), "two offsets"),
            (lambda entry: entry.update(data_offsets=[8, 32]), "a gap, overlaps"),
            (lambda entry: entry.update(data_offsets=[0, 24]), "a gap, overlaps"),
        ]
        for change, reason in cases:
            header = json.loads(json.dumps(self.header))
            change(header["words"])
            with self.subTest(entry=header["words"]):
                self._refuse(self._pack(header), reason)


class Check(unittest.TestCase):
    """`train.py --check` on copies of the committed files, each spoilt in one way."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        shutil.copytree(ROOT / "data", self.root / "data")
        shutil.copy(ROOT / "README.md", self.root)

    def _rewrite(self, name: str, change: Callable[[tensorfile.TensorFile], Any]) -> None:
        path = self.root / "data" / name
        content = tensorfile.read(path)
        content.tensors.update({key: value.copy() for key, value in content.tensors.items()})
        change(content)
        path.write_bytes(tensorfile.serialise(content))

    def _assert_problem(self, reason: str) -> None:
        problems, _ = artefacts.check(self.root)
        self.assertRegex("\n".join(problems), reason)

    def test_committed_files_pass(self) -> None:
        self.assertEqual(artefacts.check(self.root)[0], [])

    def test_notices_missing_file(self) -> None:
        (self.root / "data" / artefacts.F32_FILE).unlink()
        self._assert_problem("No such file")

    def test_notices_one_changed_bit(self) -> None:
        path = self.root / "data" / artefacts.F32_FILE
        raw = bytearray(path.read_bytes())
        raw[-4] ^= 1
        path.write_bytes(raw)
        self._assert_problem(f"does not say: .*{artefacts.F32_FILE}")

    def test_notices_missing_foreign_and_misshapen_tensors(self) -> None:
        def spoil(content: tensorfile.TensorFile) -> None:
            content.tensors["extra"] = content.tensors.pop("conv1.bias")
            content.tensors["fc.weight"] = content.tensors["fc.weight"].T
            content.tensors["fc.bias"] = content.tensors["fc.bias"].astype(np.int32)

        self._rewrite(artefacts.F32_FILE, spoil)
        self._assert_problem("conv1.bias is missing")
        self._assert_problem("extra does not belong")
        self._assert_problem(r"fc.weight has shape \(10, 256\)")
        self._assert_problem("fc.bias is int32")

    def test_notices_unusable_scale(self) -> None:
        def spoil(content: tensorfile.TensorFile) -> None:
            content.tensors["conv2.out_scale"].fill(0)

        self._rewrite(artefacts.INT8_FILE, spoil)
        self._assert_problem("conv2.out_scale is not positive")

    def test_notices_accumulator_beyond_float32(self) -> None:
        self._rewrite(artefacts.INT8_FILE, lambda content: content.tensors["fc.bias"].fill(2**24))
        self._assert_problem("does not hold exactly")

    def test_notices_impossible_pixel_label_and_provenance(self) -> None:
        def spoil(content: tensorfile.TensorFile) -> None:
            content.tensors["images"][0, 0, 0] = 17
            content.tensors["labels"][0] = 10
            content.metadata.clear()

        self._rewrite(artefacts.TEST_FILE, spoil)
        self._assert_problem("a pixel is above 16")
        self._assert_problem("a label is not a digit")
        self._assert_problem("the provenance is not")

    def test_notices_lost_accuracy(self) -> None:
        self._rewrite(artefacts.F32_FILE, lambda content: content.tensors["fc.weight"].fill(0))
        self._assert_problem("float32: .* is below the aim")
        self._assert_problem("metadata test_correct_f32")

    def test_notices_wrong_readme(self) -> None:
        path = self.root / "README.md"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("| int8: correct | ", "| int8: correct | 1"), encoding="utf-8")
        self._assert_problem("README.md says wrongly: .*int8: correct")
        path.write_text("", encoding="utf-8")
        self._assert_problem("marks around the results are missing")


if __name__ == "__main__":
    unittest.main()
