# SPDX-License-Identifier: MIT
"""The int8 network: quantisation of a trained float32 one, and its integer inference.

README.md states the arithmetic; this module is that text in numpy, exact to the bit.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import network
from dataset import PIXEL_MAX
from network import Array, Floats, Parameters

INT8_MIN, INT8_MAX = -128, 127

# Weights use -127..127, so that negating one never overflows.
_WEIGHT_MAX = 127

_LAYERS = ("conv1", "conv2", "fc")

SCALE_SHAPES: dict[str, tuple[int, ...]] = {
    "input.scale": (),
    "conv1.weight_scale": (8,),
    "conv1.out_scale": (),
    "conv2.weight_scale": (16,),
    "conv2.out_scale": (),
    "fc.weight_scale": (10,),
    "fc.out_scale": (),
}


@dataclass(frozen=True)
class Inference:
    """What integer inference gives for N images."""

    logits: Array  # int8 [N, 10], in units of fc.out_scale
    accumulators: Array  # int32 [N, 10], the same before requantisation


def quantise(parameters: Parameters, calibration: Floats) -> dict[str, Array]:
    """Return the int8 network's tensors by name.

    calibration: network input [N, 1, 8, 8] whose largest activations set the per-tensor scales.
    """
    seen = network.forward(parameters, calibration)
    # One step of input is one step of ink, so that the raw image is the quantised one.
    in_scale = np.float32(1) / np.float32(PIXEL_MAX)
    result: dict[str, Array] = {"input.scale": np.array(in_scale)}
    for layer, activation in zip(_LAYERS, (seen.conv1, seen.conv2, seen.logits), strict=True):
        weight = parameters[f"{layer}.weight"]
        # Convolutions have their output channels in front, the matrix has them behind.
        others: Any = 0 if layer == "fc" else (1, 2, 3)
        divisor = np.abs(weight).max(axis=others, keepdims=True) / np.float32(_WEIGHT_MAX)
        steps = np.clip(np.rint(weight / divisor), -_WEIGHT_MAX, _WEIGHT_MAX)
        weight_scale = divisor.reshape(-1)
        bias_scale = in_scale * weight_scale
        out_scale = np.abs(activation).max() / np.float32(INT8_MAX)
        result |= {
            f"{layer}.weight": steps.astype(np.int8),
            f"{layer}.weight_scale": weight_scale,
            f"{layer}.bias": np.rint(parameters[f"{layer}.bias"] / bias_scale).astype(np.int32),
            f"{layer}.out_scale": np.array(out_scale),
        }
        in_scale = out_scale
    return result


def multiplier(in_scale: Array, weight_scale: Array, out_scale: Array) -> Floats:
    """Per-channel factor from accumulator to output steps: two float32 roundings, in this order."""
    return (in_scale * weight_scale) / out_scale


def requantise(accumulator: Array, factor: Floats) -> Array:
    """Bring int32 accumulators to int8: one float32 product, rounded half to even, saturated."""
    scaled = accumulator.astype(np.float32) * factor
    return np.clip(np.rint(scaled), INT8_MIN, INT8_MAX).astype(np.int8)


def infer(tensors: dict[str, Array], images: NDArray[np.uint8]) -> Inference:
    """Run the int8 network on raw images [N, 8, 8], values 0..16."""

    def convolve(layer: str, value: Array, in_scale: Array) -> Array:
        weight = tensors[f"{layer}.weight"].astype(np.int32)
        bias = tensors[f"{layer}.bias"][:, None, None]
        scales = tensors[f"{layer}.weight_scale"], tensors[f"{layer}.out_scale"]
        factor = multiplier(in_scale, *scales)
        accumulator = network.conv3x3(value.astype(np.int32), weight) + bias
        return np.maximum(requantise(accumulator, factor[:, None, None]), np.int8(0))

    conv1 = convolve("conv1", images[:, None].astype(np.int8), tensors["input.scale"])
    conv2 = convolve("conv2", conv1, tensors["conv1.out_scale"])
    pooled = network.pool_windows(conv2).max(axis=-1).reshape(len(images), -1)
    products = network.matmul(pooled.astype(np.int32), tensors["fc.weight"].astype(np.int32))
    accumulators = products + tensors["fc.bias"]
    scales = tensors["fc.weight_scale"], tensors["fc.out_scale"]
    factor = multiplier(tensors["conv2.out_scale"], *scales)
    return Inference(requantise(accumulators, factor), accumulators)


def accumulator_bound(tensors: dict[str, Array]) -> int:
    """Largest magnitude that any accumulator of the network can reach, whatever the image."""
    bounds = []
    for layer in _LAYERS:
        weight = np.abs(tensors[f"{layer}.weight"].astype(np.int64))
        products = weight.sum(axis=0) if layer == "fc" else weight.sum(axis=(1, 2, 3))
        bias = np.abs(tensors[f"{layer}.bias"].astype(np.int64))
        bounds.append((products * INT8_MAX + bias).max())
    return int(max(bounds))
