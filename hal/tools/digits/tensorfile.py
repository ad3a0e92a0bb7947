# SPDX-License-Identifier: MIT
"""The safetensors container, as much of it as the digits files need.

Layout: a little-endian u64 with the length of the header, the header (a JSON object padded with
spaces so that the data starts on an 8-byte boundary), then the tensors' bytes without gaps.
Widest element type first, so that every tensor is naturally aligned.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_METADATA_KEY = "__metadata__"
_LENGTH_BYTES = 8
_ALIGNMENT = 8
_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "I32": np.dtype("<i4"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


class TensorFileError(ValueError):
    """The bytes are not a well-formed safetensors file, or the tensors cannot be put in one."""


@dataclass(frozen=True)
class TensorFile:
    """Tensors by name, in file order, and the string-to-string metadata."""

    tensors: dict[str, Array]
    metadata: dict[str, str]


def serialise(content: TensorFile) -> bytes:
    """Return the file's bytes; equal content gives equal bytes."""
    if _METADATA_KEY in content.tensors:
        raise TensorFileError(f"{_METADATA_KEY} is not a tensor name")
    for name, tensor in content.tensors.items():
        if tensor.dtype not in _NAMES:
            raise TensorFileError(f"{name}: type {tensor.dtype} has no safetensors name here")

    header: dict[str, Any] = {_METADATA_KEY: dict(sorted(content.metadata.items()))}
    data = bytearray()
    for name, tensor in sorted(content.tensors.items(), key=lambda kv: (-kv[1].itemsize, kv[0])):
        begin = len(data)
        data += tensor.astype(_DTYPES[_NAMES[tensor.dtype]]).tobytes()
        header[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, len(data)],
        }

    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text + bytes(data)


def parse(raw: bytes) -> TensorFile:
    """Return the content of a file; raise TensorFileError that names what is wrong with it."""
    header, data = _split(raw)
    metadata = header.pop(_METADATA_KEY, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise TensorFileError(f"{_METADATA_KEY} is not a map of strings")

    entries = {name: _check_entry(name, entry) for name, entry in header.items()}
    tensors: dict[str, Array] = {}
    position = 0
    for name, (dtype, shape, begin, end) in sorted(entries.items(), key=lambda kv: kv[1][2:]):
        if begin != position or end > len(data):
            raise TensorFileError(
                f"{name}: {begin}..{end} leaves a gap, overlaps or exceeds the file"
            )
        tensors[name] = np.frombuffer(data[begin:end], dtype).reshape(shape)
        position = end
    if position != len(data):
        raise TensorFileError(f"{len(data) - position} bytes after the last tensor")
    return TensorFile(tensors, metadata)


def read(path: Path) -> TensorFile:
    """Parse the file at `path`; OSError if unreadable, TensorFileError if malformed."""
    try:
        return parse(path.read_bytes())
    except TensorFileError as error:
        raise TensorFileError(f"{path.name}: {error}") from error


def _split(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """Separate header and data."""
    length = int.from_bytes(raw[:_LENGTH_BYTES], "little")
    start = _LENGTH_BYTES + length
    if len(raw) < _LENGTH_BYTES or start > len(raw):
        raise TensorFileError("truncated: the header is longer than the file")
    if length % _ALIGNMENT:
        raise TensorFileError(f"header length {length} is not a multiple of {_ALIGNMENT}")
    try:
        header = json.loads(raw[_LENGTH_BYTES:start], object_pairs_hook=_unique_keys)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise TensorFileError(f"the header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise TensorFileError("the header is not a JSON object")
    return header, raw[start:]


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object, refusing a key that stands twice."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise TensorFileError("a name stands twice in the header")
    return dict(pairs)


def _check_entry(name: str, entry: Any) -> tuple[np.dtype[Any], list[int], int, int]:
    """Return element type, shape, begin and end of one tensor, each of them checked."""
    if not isinstance(entry, Mapping) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise TensorFileError(f"{name}: needs exactly dtype, shape and data_offsets")
    dtype = _DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise TensorFileError(f"{name}: element type {entry['dtype']!r} is not supported")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _are_sizes(shape):
        raise TensorFileError(f"{name}: shape {shape!r} is not a list of sizes")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise TensorFileError(f"{name}: data_offsets {offsets!r} are not two offsets")
    if offsets[1] - offsets[0] != prod(shape) * dtype.itemsize:
        raise TensorFileError(f"{name}: shape {shape} does not fit data_offsets {offsets}")
    return dtype, shape, offsets[0], offsets[1]


def _are_sizes(value: Any) -> bool:
    """Whether `value` is a list of non-negative integers (JSON true and false are none)."""
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)
