# SPDX-License-Identifier: MIT
"""Writes GGUF version 3, the files that llama.cpp reads models from."""

import struct

import numpy

ALIGNMENT = 32
# The format's numbers for types of values and of tensors.
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
TENSOR_F32, TENSOR_F16 = 0, 1
SCALARS = {U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}
ELEMENTS = {TENSOR_F32: numpy.dtype("<f4"), TENSOR_F16: numpy.dtype("<f2")}


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def value(kind, content):
    """A number, a string, or (list, kind of its elements)."""
    if kind == STRING:
        return text(content)
    if kind == ARRAY:
        items, inner = content
        return struct.pack("<IQ", inner, len(items)) + b"".join(value(inner, item) for item in items)
    return struct.pack(SCALARS[kind], content)


def padding(size):
    return bytes(-size % ALIGNMENT)


def write(path, metadata, tensors):
    """`metadata`: (key, kind, value). `tensors`: (name, array, type)."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata))
    head += b"".join(text(key) + struct.pack("<I", kind) + value(kind, content) for key, kind, content in metadata)
    blobs, offset = [], 0
    for name, array, kind in tensors:
        # The file's innermost dimension comes first.
        dims = array.shape[::-1]
        blob = array.astype(ELEMENTS[kind]).tobytes()
        head += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)
        blob += padding(len(blob))
        blobs.append(blob)
        offset += len(blob)
    with path.open("wb") as file:
        file.write(head + padding(len(head)))
        file.writelines(blobs)
