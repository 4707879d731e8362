"""Posterior samples of one plane: encoded once, drawn any number of times.

Letters: C channels, H feature maps, Y, X pixels, of the bordered plane where nothing else is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.nn.fast.field_of_view import Window
from napari_denoisplit.nn.turned import TURNS, TurnedSampler
from napari_denoisplit.sampling.border import border_of, bordered, mirrored
from napari_denoisplit.sampling.cost import OVERLAP
from napari_denoisplit.sampling.noise_field import NoiseField
from napari_denoisplit.sampling.tiles import tile_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.nn.sampler import Sampler
    from napari_denoisplit.sampling.tiles import Tile


class Posterior:
    """q(signal | superposition) of one plane.

    The bottom-up pass runs once; what the top-down pass needs of it, about 45 bytes a pixel for
    the paper's network in bfloat16, stays on the device. Each sample is a top-down pass over it,
    tile by tile where the plane is cut, with the latent noise of the whole plane.

    Parameters
    ----------
    network
        Folded for the device and precision of choice.
    normalization
        Statistics of the model.
    plane
        Superposition (Y, X), image units; it gets its border here.
    tile_size, overlap
        See `tile_grid`; without an overlap it is as far as the network looks.
    seed, plane_index
        Names of the latent noise.
    antithetic
        Whether every odd sample has minus the noise of the one before it.
    eightfold
        Whether samples are drawn of the plane in its eight turns and flips, one after the other, a
        mirrored pair of each.
    origin
        Where `plane` is a cut of a larger one, as by `read_bordered`: row and column of its upper
        left in the bordered plane, whose latent noise it then reads. It gets no further border,
        and the ladder divides its origin and size.

    Raises
    ------
    ValueError
        The ladder does not divide the origin or the size of a cut.
    """

    def __init__(
        self,
        network: Sampler,
        normalization: Normalization,
        plane: NDArray[np.float32],
        *,
        tile_size: int | None = None,
        overlap: int | None = None,
        seed: int = 0,
        plane_index: int = 0,
        antithetic: bool = False,
        eightfold: bool = False,
        origin: tuple[int, int] | None = None,
    ) -> None:
        multiple, device = network.facts.multiple, network.device
        self._levels = network.facts.levels
        self._network, self._origin = network, origin or (0, 0)
        self._eightfold, self._turn = eightfold, 0
        self._turned: Sampler = network
        self._name, self._antithetic = (seed, plane_index), antithetic
        self.height, self.width = plane.shape
        self.border = border_of(multiple) if origin is None else 0
        """Rows above the plane and columns left of it that are sampled along."""
        if origin is None:
            plane = _with_border(plane, multiple)
        elif any(n % multiple for n in (*origin, *plane.shape)):
            raise ValueError(f"cut {plane.shape} at {origin} is not of multiples of {multiple}")
        x = torch.from_numpy(plane)[None, None].to(device)  # (1, 1, Y, X)
        self._x = (x - normalization.input_mean) / normalization.input_std
        overlap = network.facts.context(OVERLAP) if overlap is None else overlap
        self.tiles = tile_grid(*self.shape, tile_size, overlap, multiple)
        self._features: list[Tensor] = []
        shape = (1, -1, 1, 1)
        self._std = torch.tensor(normalization.channel_stds, device=device).reshape(shape)
        self._mean = torch.tensor(normalization.channel_means, device=device).reshape(shape)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns that are sampled, the border included."""
        height, width = self._x.shape[-2:]
        return height, width

    @torch.no_grad()
    def encode(self, tile: Tile) -> None:
        """Bottom-up pass over one tile; every tile must be encoded before the first sample."""
        features = self._turned.encode(self._x[(..., *tile.outer())])
        if len(self.tiles) == 1:
            self._features = features
            return
        for level, part in enumerate(features):
            shrink = self._levels[level].shrink
            if level == len(self._features):
                size = [n // shrink for n in self.shape]
                whole = part.new_empty((1, part.shape[1], *size))
                self._features.append(whole.to(memory_format=torch.channels_last))
            self._features[level][(..., *tile.inner(shrink))] = part[
                (..., *tile.inner_in_outer(shrink))
            ]

    def empty_sample(self) -> Tensor:
        """Make room for a sample, (C, Y, X) with the border."""
        return self.empty_samples(1)[0]

    def empty_samples(self, n: int) -> Tensor:
        """Make room for n samples, (B, C, Y, X) with the border."""
        n_channels = self._network.facts.n_channels
        return torch.empty((n, n_channels, *self.shape), device=self._network.device)

    @torch.no_grad()
    def draw(self, sample: int, tile: Tile, out: Tensor) -> None:
        """Top-down pass of one sample over one tile, or of several at once.

        Parameters
        ----------
        sample
            Its number, or that of the first.
        tile
            Of `tiles`, or any other that the network's multiple divides.
        out
            Where the sample goes, (C, Y, X), or as many as there are, (B, C, Y, X); image units.
        """
        out = out.expand(1, *out.shape) if out.ndim == 3 else out
        if len({self._turn_of(sample + i) for i in range(len(out))}) > 1:
            for i, one in enumerate(out):
                self.draw(sample + i, tile, one)
            return
        self._encode_turned(self._turn_of(sample))
        fields = [self._field(sample + i) for i in range(len(out))]

        def noise(level: int, shape: tuple[int, ...], corner: tuple[int, int]) -> Tensor:
            """Latent noise of a level, at its place in the plane."""
            shrink = self._levels[level].shrink
            y0 = (self._origin[0] + tile.outer_y[0]) // shrink + corner[0]
            x0 = (self._origin[1] + tile.outer_x[0]) // shrink + corner[1]
            windows = [field.window(level, y0, x0, shape[-2], shape[-1]) for field in fields]
            return windows[0] if len(windows) == 1 else torch.cat(windows)

        windows = [
            features[(..., *tile.outer(level.shrink))]
            for features, level in zip(self._features, self._levels, strict=True)
        ]
        signal = self._turned.decode(windows, noise, Window.of(tile.inner_in_outer()))
        torch.addcmul(self._mean, signal, self._std, out=signal)
        out[(..., *tile.inner())] = signal

    def _turn_of(self, sample: int) -> int:
        return (sample // (2 if self._antithetic else 1)) % TURNS if self._eightfold else 0

    def _encode_turned(self, turn: int) -> None:
        """Encode the plane in another turn, if that is not how it is encoded."""
        if turn == self._turn:
            return
        self._turn, self._features = turn, []
        self._turned = TurnedSampler(self._network, turn) if turn else self._network
        for tile in self.tiles:
            self.encode(tile)

    def _field(self, sample: int) -> NoiseField:
        n_latents, device = [level.n_latents for level in self._levels], self._network.device
        return NoiseField(*self._name, sample, n_latents, device, antithetic=self._antithetic)

    def cropped(self, samples: Tensor) -> Tensor:
        """Cut the plane out of images (..., Y, X) with the border."""
        begin = self.border
        return samples[..., begin : begin + self.height, begin : begin + self.width]


def _with_border(plane: NDArray[np.float32], multiple: int) -> NDArray[np.float32]:
    rows, columns = (mirrored((0, bordered(n, multiple)), n, multiple) for n in plane.shape)
    return plane[np.ix_(rows, columns)]
