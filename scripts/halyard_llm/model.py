# SPDX-License-Identifier: MIT
"""Llama models, made offline: every weight is drawn from one seed, so that the file is the same everywhere.

They say nothing of use, but each is a whole transformer (grouped heads, rotary positions, gated feed-forward) with a
vocabulary to tokenise prompts, and at temperature 0 each token follows from all that went before.
"""

import hashlib
import itertools
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy

from .gguf import ARRAY, BOOL, F32, I32, STRING, TENSOR_F16, TENSOR_F32, U32, write

SEED = 1
CONTEXT = 2048
SYLLABLES = [first + second for first, second in itertools.product("bdfgklmnprstvz", "aeiou")]
# The format's kinds of tokens.
NORMAL, UNKNOWN, CONTROL, UNUSED, BYTE = 1, 2, 3, 5, 6


@dataclass(frozen=True)
class Shape:
    name: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    hidden: int
    tokens: int = 0  # at least so many

    @property
    def head(self):
        return self.width // self.heads


# Writes a text in seconds, even in a VM.
SMALL = Shape("small", layers=4, width=256, heads=8, kv_heads=4, hidden=768)
# As large as a model that people use, SmolLM2-135M: its weights do not fit into a cache.
LARGE = Shape("large", layers=30, width=576, heads=9, kv_heads=3, hidden=1536, tokens=49152)


def vocabulary(shape):
    """(text, kind) of each token: the special ones, all bytes, syllables with and without a space before, and unused ones."""
    tokens = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
    tokens += [(f"<0x{byte:02X}>", BYTE) for byte in range(256)]
    tokens += [("\u2581", NORMAL), (".", NORMAL)]
    tokens += [(prefix + syllable, NORMAL) for prefix in ("\u2581", "") for syllable in SYLLABLES]
    return tokens + [(f"<unused{number}>", UNUSED) for number in range(shape.tokens - len(tokens))]


def metadata(shape, tokens):
    numbers = {
        "context_length": CONTEXT, "embedding_length": shape.width, "block_count": shape.layers,
        "feed_forward_length": shape.hidden, "attention.head_count": shape.heads,
        "attention.head_count_kv": shape.kv_heads, "rope.dimension_count": shape.head, "vocab_size": len(tokens),
    }  # fmt: skip
    return [
        ("general.architecture", STRING, "llama"),
        ("general.name", STRING, "Halyard's random syllables"),
        *((f"llama.{key}", U32, number) for key, number in numbers.items()),
        ("llama.attention.layer_norm_rms_epsilon", F32, 1e-5),
        ("tokenizer.ggml.model", STRING, "llama"),
        ("tokenizer.ggml.tokens", ARRAY, ([token for token, _ in tokens], STRING)),
        ("tokenizer.ggml.scores", ARRAY, ([float(-rank) for rank in range(len(tokens))], F32)),
        ("tokenizer.ggml.token_type", ARRAY, ([kind for _, kind in tokens], I32)),
        ("tokenizer.ggml.unknown_token_id", U32, 0),
        ("tokenizer.ggml.bos_token_id", U32, 1),
        ("tokenizer.ggml.eos_token_id", U32, 2),
        ("tokenizer.ggml.add_bos_token", BOOL, True),
    ]


def tensors(shape, tokens):
    generator = numpy.random.Generator(numpy.random.PCG64(SEED))
    width, hidden, kv = shape.width, shape.hidden, shape.kv_heads * shape.head

    def matrix(name, inputs, outputs, gain=1.0):
        # Uniform, with the spread that keeps the size of what passes through.
        reach = gain * (3.0 / inputs) ** 0.5
        return name, (2 * generator.random((outputs, inputs), dtype=numpy.float32) - 1) * reach, TENSOR_F16

    def gains(name):
        return name, numpy.ones(width), TENSOR_F32

    yield matrix("token_embd.weight", width, len(tokens), width**0.5)
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        yield gains(f"{block}.attn_norm.weight")
        yield matrix(f"{block}.attn_q.weight", width, width, 2.0)
        yield matrix(f"{block}.attn_k.weight", width, kv, 2.0)
        yield matrix(f"{block}.attn_v.weight", width, kv)
        yield matrix(f"{block}.attn_output.weight", width, width, 2.0)
        yield gains(f"{block}.ffn_norm.weight")
        yield matrix(f"{block}.ffn_gate.weight", width, hidden)
        yield matrix(f"{block}.ffn_up.weight", width, hidden)
        yield matrix(f"{block}.ffn_down.weight", hidden, width, 2.0)
    yield gains("output_norm.weight")
    name, weights, kind = matrix("output.weight", width, len(tokens))
    # Rarely a byte, so that a reader can tell two texts apart.
    weights[[kind != NORMAL for _, kind in tokens]] /= 8
    yield name, weights, kind


def made_once(path, make):
    """The path; if nothing is there, make(path) makes it. Another run may be making the same: each writes a file of its own, and either may stay."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        os.close(handle)
        try:
            make(Path(name))
            Path(name).rename(path)
        finally:
            Path(name).unlink(missing_ok=True)
    return path


def model(folder, shape=SMALL):
    """Path of the model in this folder, made when it is not there. Its name changes with whatever it is made of."""
    sources = (Path(__file__), Path(__file__).with_name("gguf.py"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]

    def make(path):
        tokens = vocabulary(shape)
        write(path, metadata(shape, tokens), list(tensors(shape, tokens)))

    return made_once(Path(folder) / f"syllables-{shape.name}-{digest}.gguf", make)
