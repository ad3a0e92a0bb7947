# SPDX-License-Identifier: MIT
"""Training of the float32 network: Adam on shifted copies, the same every time."""

import numpy as np
from numpy.typing import NDArray

import network
from dataset import Split
from network import Parameters

SEED = 1
EPOCHS = 100
BATCH = 32
_LEARNING_RATE = 4e-3
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """Kingma and Ba's optimiser; its state is as large as two copies of the parameters."""

    def __init__(self, parameters: Parameters) -> None:
        self._mean = {name: np.zeros_like(value) for name, value in parameters.items()}
        self._square = {name: np.zeros_like(value) for name, value in parameters.items()}
        self._steps = 0

    def step(self, parameters: Parameters, gradients: Parameters, rate: float) -> None:
        """Move `parameters` in place by one step of learning rate `rate`."""
        self._steps += 1
        rate = rate * (1 - _BETA2**self._steps) ** 0.5 / (1 - _BETA1**self._steps)
        for name, gradient in gradients.items():
            mean, square = self._mean[name], self._square[name]
            mean += np.float32(1 - _BETA1) * (gradient - mean)
            square += np.float32(1 - _BETA2) * (gradient * gradient - square)
            parameters[name] -= np.float32(rate) * mean / (np.sqrt(square) + np.float32(_EPSILON))


def initial_parameters(random: np.random.RandomState) -> Parameters:
    """He-initialised weights, zero biases."""
    parameters: Parameters = {}
    for name, shape in network.SHAPES.items():
        if name.endswith(".bias"):
            parameters[name] = np.zeros(shape, np.float32)
            continue
        fan_in = shape[0] if name == "fc.weight" else int(np.prod(shape[1:]))
        parameters[name] = (random.standard_normal(shape) * (2 / fan_in) ** 0.5).astype(np.float32)
    return parameters


def shifted(images: NDArray[np.uint8], random: np.random.RandomState) -> NDArray[np.uint8]:
    """Copies of images [N, 8, 8], half of them moved by -1, 0 or 1 pixel either way.

    Blank moves in at the edge. The digits fill the frame, so that a shift often cuts ink off:
    half of the images stay as they are.
    """
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    places = np.lib.stride_tricks.sliding_window_view(padded, (1, *images.shape[1:]))[:, :, :, 0]
    moves = random.randint(0, 2, len(images)) == 1
    rows, columns = np.where(moves, random.randint(0, 3, (2, len(images))), 1)
    return places[np.arange(len(images)), rows, columns]


def fit(split: Split, seed: int = SEED, epochs: int = EPOCHS) -> Parameters:
    """Train on `split` from scratch and return the parameters.

    The learning rate falls linearly to zero. There is no early stopping, so no other data is seen.
    """
    random = np.random.RandomState(seed)
    parameters = initial_parameters(random)
    optimiser = Adam(parameters)
    for epoch in range(epochs):
        rate = _LEARNING_RATE * (1 - epoch / epochs)
        order = random.permutation(len(split.labels))
        for begin in range(0, len(order), BATCH):
            chosen = order[begin : begin + BATCH]
            x = network.scale_input(shifted(split.images[chosen], random))
            seen = network.forward(parameters, x)
            gradients = network.gradients(parameters, seen, split.labels[chosen])
            optimiser.step(parameters, gradients, rate)
    return parameters
