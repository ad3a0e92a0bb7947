# SPDX-License-Identifier: MIT
"""A small llama model, made offline: every weight is drawn from one seed, so that the file is the same
everywhere.

It says nothing of use, but it is a whole transformer (grouped heads, rotary positions, gated feed-forward) with a
vocabulary to tokenise prompts, and at temperature 0 each token follows from all that went before.
"""

import hashlib
import itertools
import os
import random
import tempfile
from pathlib import Path

from .gguf import ARRAY, BOOL, F32, I32, STRING, TENSOR_F16, TENSOR_F32, U32, write

SEED = 1
LAYERS, WIDTH, HEADS, KV_HEADS, HIDDEN, CONTEXT = 4, 256, 8, 4, 768, 2048
HEAD = WIDTH // HEADS
SYLLABLES = [first + second for first, second in itertools.product("bdfgklmnprstvz", "aeiou")]
# The format's kinds of tokens.
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6


def vocabulary():
    """(text, kind) of each token: the special ones, all bytes, and syllables with and without a space before."""
    tokens = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
    tokens += [(f"<0x{byte:02X}>", BYTE) for byte in range(256)]
    tokens += [("\u2581", NORMAL), (".", NORMAL)]
    tokens += [(prefix + syllable, NORMAL) for prefix in ("\u2581", "") for syllable in SYLLABLES]
    return tokens


def metadata(tokens):
    numbers = {
        "context_length": CONTEXT, "embedding_length": WIDTH, "block_count": LAYERS, "feed_forward_length": HIDDEN,
        "attention.head_count": HEADS, "attention.head_count_kv": KV_HEADS, "rope.dimension_count": HEAD,
        "vocab_size": len(tokens),
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


def tensors(tokens):
    draw = random.Random(SEED).random

    def matrix(name, inputs, outputs, gain=1.0):
        # Uniform, with the spread that keeps the size of what passes through.
        reach = gain * (3.0 / inputs) ** 0.5
        return name, (inputs, outputs), TENSOR_F16, [(2 * draw() - 1) * reach for _ in range(inputs * outputs)]

    def gains(name):
        return name, (WIDTH,), TENSOR_F32, [1.0] * WIDTH

    yield matrix("token_embd.weight", WIDTH, len(tokens), WIDTH**0.5)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        yield gains(f"{block}.attn_norm.weight")
        yield matrix(f"{block}.attn_q.weight", WIDTH, WIDTH, 2.0)
        yield matrix(f"{block}.attn_k.weight", WIDTH, KV_HEADS * HEAD, 2.0)
        yield matrix(f"{block}.attn_v.weight", WIDTH, KV_HEADS * HEAD)
        yield matrix(f"{block}.attn_output.weight", WIDTH, WIDTH, 2.0)
        yield gains(f"{block}.ffn_norm.weight")
        yield matrix(f"{block}.ffn_gate.weight", WIDTH, HIDDEN)
        yield matrix(f"{block}.ffn_up.weight", WIDTH, HIDDEN)
        yield matrix(f"{block}.ffn_down.weight", HIDDEN, WIDTH, 2.0)
    yield gains("output_norm.weight")
    name, dims, kind, weights = matrix("output.weight", WIDTH, len(tokens))
    # Rarely a byte, so that a reader can tell two texts apart.
    quiet = sum(kind != NORMAL for _, kind in tokens) * WIDTH
    yield name, dims, kind, [weight / 8 for weight in weights[:quiet]] + weights[quiet:]


def model(folder):
    """Path of the model in this folder, made when it is not there. Its name changes with whatever it is made of."""
    folder = Path(folder)
    sources = (Path(__file__), Path(__file__).with_name("gguf.py"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    path = folder / f"syllables-{digest}.gguf"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        # Another run may be making the same: each writes its own file, and either may stay.
        handle, name = tempfile.mkstemp(dir=folder)
        os.close(handle)
        tokens = vocabulary()
        write(Path(name), metadata(tokens), list(tensors(tokens)))
        Path(name).rename(path)
    return path
