# SPDX-License-Identifier: MIT
"""The float32 network and its gradients.

conv 3x3 pad 1 (1 -> 8), ReLU; conv 3x3 pad 1 (8 -> 16), ReLU; max-pool 2x2 stride 2;
flatten in NCHW order; fully connected (256 -> 10). Tensors are NCHW, convolution weights OIHW.

Nothing here calls BLAS, and float32 sums are taken in one order, so that training gives the same
bits whichever BLAS is installed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset import PIXEL_MAX

# numpy's own annotations lose the element type in most expressions, so it is said, not checked.
Array = NDArray[Any]
Floats = Array  # float32
Parameters = dict[str, Floats]

SHAPES: dict[str, tuple[int, ...]] = {
    "conv1.weight": (8, 1, 3, 3),
    "conv1.bias": (8,),
    "conv2.weight": (16, 8, 3, 3),
    "conv2.bias": (16,),
    "fc.weight": (256, 10),
    "fc.bias": (10,),
}


@dataclass(frozen=True)
class Activations:
    """What each layer gives for a batch of N images."""

    input: Floats  # [N, 1, 8, 8]
    conv1: Floats  # [N, 8, 8, 8], after ReLU
    conv2: Floats  # [N, 16, 8, 8], after ReLU
    pooled: Floats  # [N, 16, 4, 4]
    logits: Floats  # [N, 10]


def scale_input(images: NDArray[np.uint8]) -> Floats:
    """Turn raw images [N, 8, 8], values 0..16, into the network's input [N, 1, 8, 8], 0..1."""
    return images[:, None].astype(np.float32) / np.float32(PIXEL_MAX)


def matmul(a: Array, b: Array) -> Array:
    """a [M, K] times b [K, N] in the operands' element type; integers accumulate as integers."""
    return np.einsum("ik,kj->ij", a, b, optimize=False)  # unlike `@`, never handed to BLAS


def im2col(x: Array) -> Array:
    """Rows of 3x3 neighbourhoods: [N, C, H, W] -> [N * H * W, C * 9], edges padded with zero."""
    n, c, h, w = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (1, 1, 3, 3))[:, :, :, :, 0, 0]
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * w, c * 9)


def conv3x3(x: Array, weight: Array) -> Array:
    """3x3 cross-correlation, stride 1, pad 1: [N, I, H, W] with [O, I, 3, 3] -> [N, O, H, W].

    The result has the operands' element type, as in matmul.
    """
    n, _, h, w = x.shape
    out = matmul(im2col(x), weight.reshape(len(weight), -1).T)
    return np.ascontiguousarray(out.reshape(n, h, w, -1).transpose(0, 3, 1, 2))


def pool_windows(x: Array) -> Array:
    """The 2x2 windows that max-pooling sees: [N, C, H, W] -> [N, C, H / 2, W / 2, 4]."""
    n, c, h, w = x.shape
    windows = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 2, 4, 3, 5)
    return windows.reshape(n, c, h // 2, w // 2, 4)


def forward(parameters: Parameters, x: Floats) -> Activations:
    """Run the network on an input [N, 1, 8, 8]."""

    def convolve(name: str, value: Floats) -> Floats:
        bias = parameters[f"{name}.bias"][:, None, None]
        return np.maximum(conv3x3(value, parameters[f"{name}.weight"]) + bias, np.float32(0))

    conv1 = convolve("conv1", x)
    conv2 = convolve("conv2", conv1)
    pooled = pool_windows(conv2).max(axis=-1)
    logits = matmul(pooled.reshape(len(x), -1), parameters["fc.weight"]) + parameters["fc.bias"]
    return Activations(x, conv1, conv2, pooled, logits)


def softmax(logits: Floats) -> Floats:
    """Class probabilities [N, 10] of logits [N, 10].

    In float64 inside, because numpy's float32 exp differs between CPUs in its last bit.
    """
    wide = logits.astype(np.float64)
    exponentials = np.exp(wide - wide.max(axis=1, keepdims=True))
    return (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)


def gradients(parameters: Parameters, seen: Activations, labels: NDArray[np.uint8]) -> Parameters:
    """Gradients of the batch's mean cross-entropy, by parameter name."""
    n = len(labels)
    result: Parameters = {}

    d_logits = softmax(seen.logits)
    d_logits[np.arange(n), labels] -= 1
    d_logits /= np.float32(n)
    result["fc.weight"] = matmul(seen.pooled.reshape(n, -1).T, d_logits)
    result["fc.bias"] = d_logits.sum(axis=0)

    d_pooled = matmul(d_logits, parameters["fc.weight"].T).reshape(seen.pooled.shape)
    d_conv2 = _unpool(d_pooled, seen.conv2) * (seen.conv2 > 0)
    _conv_gradients("conv2", seen.conv1, d_conv2, result)

    # The adjoint of a stride-1 pad-1 convolution is one with its weights turned by 180 degrees.
    turned = parameters["conv2.weight"].transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
    d_conv1 = conv3x3(d_conv2, turned) * (seen.conv1 > 0)
    _conv_gradients("conv1", seen.input, d_conv1, result)
    return result


def _conv_gradients(name: str, x: Floats, d_out: Floats, result: Parameters) -> None:
    """Add the gradients of one convolution's weight and bias to `result`."""
    channels = d_out.shape[1]
    rows = d_out.transpose(0, 2, 3, 1).reshape(-1, channels)
    result[f"{name}.weight"] = matmul(rows.T, im2col(x)).reshape(SHAPES[f"{name}.weight"])
    result[f"{name}.bias"] = rows.sum(axis=0)


def _unpool(d_pooled: Floats, x: Floats) -> Floats:
    """Send each pooled gradient to the first maximum of its window in `x`."""
    n, c, h, w = x.shape
    winners = pool_windows(x).argmax(axis=-1)[..., None]
    windows = np.zeros((*d_pooled.shape, 4), np.float32)
    np.put_along_axis(windows, winners, d_pooled[..., None], axis=-1)
    rows = windows.reshape(n, c, h // 2, w // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5)
    return rows.reshape(n, c, h, w)
