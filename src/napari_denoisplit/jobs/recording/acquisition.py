"""How a recording was taken: gain from its noise, offset and background from what it looks like.

The noise of a recording is known to a hundredth, its contrast only as far as it shows as much as
the training images do. So the gain is 1, the ratio of the noises (grey levels were stretched or
halved) or its square (an exposure of another length, where light makes the noise), whichever is
nearest to the ratio of the contrasts. Offset and background are those with which the encoder finds
the recording most like the images that it was trained on.
"""

from __future__ import annotations

from math import log, sqrt
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.acquisition import spline_weights
from napari_denoisplit.measures.trust.likeness import EDGE, contrast_of, noise_of, without_specks
from napari_denoisplit.nn.likeness import TileDistance
from napari_denoisplit.settings import Acquisition
from napari_denoisplit.settings.acquisition import MOST_GAIN

if TYPE_CHECKING:
    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.jobs.recording.windows import Windows
    from napari_denoisplit.measures.trust.likeness import Likeness

SAME_NOISE = 0.06
"""Difference of the noise, as a logarithm, below which the gain is the same."""
NEAR = 0.12
"""Offset, in standard deviations of the training input, below which there is none to speak of."""
FAR = 0.08
"""Distance beyond that of the model's own kind from which on a recording is looked at closely."""
OFFSET_WORTH, BACKGROUND_WORTH = 0.04, 0.12
"""Distance by which an offset alone, and then a background, must bring a recording nearer. By a
background, images of the model's own kind come nearer by up to 0.05, other mixtures by 0.10."""
MOST_BACKGROUND = 2.2
"""Range, in standard deviations of the training input: more is structure wider than was learned."""
POINTS = 3
"""Of a background, along each edge."""
ENOUGH = 1e-3
"""Share of the distance: once a step gains less, the background is as good as it gets."""
_LEAST_ALONG = 4  # windows along each edge that tell a background
_SEED = 20261128


def estimate(model: Model, likeness: Likeness, windows: Windows) -> Acquisition:
    """Estimate how a recording was taken.

    Parameters
    ----------
    model
        In evaluation mode.
    likeness
        Of the model.
    windows
        Of the recording, one at least.

    Raises
    ------
    ImageError
        No exposure brings such grey levels about.
    """
    n = model.header.normalization
    y = (windows.pixels - np.float32(n.input_mean)) / np.float32(n.input_std)
    noise = noise_of(y) / likeness.noise
    gain = _gain(noise, contrast_of(y, noise * likeness.noise) / likeness.contrast)
    if gain > MOST_GAIN:
        raise ImageError(
            f"The grey levels of the image vary {gain:.2g} times as much as those of the training "
            "images, which no exposure brings about: bring it to their range by one factor."
        )
    work = _Nearest(model, likeness, without_specks(y, noise * likeness.noise), noise)
    offset, distance = work.offset(gain)
    points: tuple[tuple[float, ...], ...] = ()
    if distance > likeness.distance + FAR and _tells_background(windows):
        found, nearer = work.background(gain, offset, windows)
        if distance - nearer > BACKGROUND_WORTH and np.ptp(found) < gain * MOST_BACKGROUND:
            offset += float(found.mean())
            points = tuple(map(tuple, ((found - found.mean()) * n.input_std).tolist()))
    level = offset * n.input_std + (1 - gain) * n.input_mean
    return Acquisition(gain=gain, offset=level, background=points)


def _gain(noise: float, contrast: float) -> float:
    """Choose the power of the noise ratio that is nearest to the ratio of the contrasts."""
    if not (noise > 0 and contrast > 0) or abs(log(noise)) < SAME_NOISE:
        return 1.0
    gain, squared = noise, noise**2
    return float(min((1.0, gain, squared), key=lambda power: abs(log(contrast / power))))


def _tells_background(windows: Windows) -> bool:
    return min(len(np.unique(windows.y)), len(np.unique(windows.x))) >= _LEAST_ALONG


class _Nearest:
    """What brings normalized windows (N, Y, X) nearest to the model's own kind."""

    def __init__(self, model: Model, likeness: Likeness, y: np.ndarray, noise: float) -> None:
        network = model.network.eval()
        self._device = next(network.parameters()).device
        self._distance = TileDistance(network, likeness.levels)
        self._y = torch.from_numpy(y)[:, None].to(self._device)
        generator = torch.Generator().manual_seed(_SEED)
        self._white = torch.randn(self._y.shape, generator=generator).to(self._device)
        self._noise, self._usual, self._typical = noise, likeness.noise, likeness.distance

    def _seen(self, gain: float, offset: torch.Tensor | float) -> torch.Tensor:
        missing = self._usual * sqrt(max(0.0, 1 - (self._noise / gain) ** 2))
        return (self._y - offset) / gain + missing * self._white

    def distance(self, gain: float, offset: float) -> float:
        with torch.no_grad():
            return float(self._distance(self._seen(gain, offset)).mean())

    def offset(self, gain: float) -> tuple[float, float]:
        """Offset in units of the training input's standard deviation, and the distance then."""
        from scipy.optimize import minimize_scalar  # takes 0.3 s; only this needs it

        before = self.distance(gain, 0.0)
        if gain == 1 and before < self._typical + FAR:
            step = 2 * NEAR
            below, above = self.distance(gain, -step), self.distance(gain, step)
            bend = below + above - 2 * before
            if bend > 0 and abs(below - above) * step / (2 * bend) < NEAR:
                return 0.0, before
        middle = float(self._y.mean(dim=(1, 2, 3)).median())  # of training images about 0
        starts = [middle + gain * step for step in (-1.0, -0.5, 0.0, 0.5, 1.0)]
        if gain == 1:
            starts += [0.0, -0.5, 0.5]
        best = min(starts, key=lambda start: self.distance(gain, start))
        found = minimize_scalar(
            lambda at: self.distance(gain, at),
            bounds=(best - 0.5 * gain, best + 0.5 * gain),
            method="bounded",
            options={"xatol": 0.03 * gain, "maxiter": 10},
        )
        if gain == 1 and before - found.fun < OFFSET_WORTH:
            return 0.0, before
        return float(found.x), float(found.fun)

    def background(self, gain: float, offset: float, windows: Windows) -> tuple[np.ndarray, float]:
        """Background at points (P, P) beside the offset, and the distance then."""
        from scipy.optimize import minimize

        rows, columns = (
            torch.tensor(spline_weights(n, POINTS), dtype=torch.float32, device=self._device)
            for n in windows.shape
        )
        at = list(zip(windows.y.tolist(), windows.x.tolist(), strict=True))

        def distance(points: torch.Tensor) -> torch.Tensor:
            """Mean distance of the windows with the background taken out."""
            parts = [rows[y : y + EDGE] @ points @ columns[x : x + EDGE].T for y, x in at]
            shade = torch.stack(parts)[:, None]
            return self._distance(self._seen(gain, offset + gain * shade)).mean()

        def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
            """Distance that is to be small, and its gradient."""
            points = self._points(values).requires_grad_()
            total = distance(points) + 2e-3 * points.square().mean()
            # Of the points alone: the network keeps no gradients.
            (slope,) = torch.autograd.grad(total, points)
            return total.item(), slope.flatten().cpu().double().numpy()

        # Not torch's: it loads torch's compiler, which takes 3 s.
        found = minimize(
            loss,
            np.zeros(POINTS**2),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 15, "ftol": ENOUGH},
        ).x
        with torch.no_grad():
            nearer = float(distance(self._points(found)))
        return gain * found.reshape(POINTS, POINTS), nearer

    def _points(self, values: np.ndarray) -> torch.Tensor:
        points = torch.tensor(values, dtype=torch.float32, device=self._device)
        return points.reshape(POINTS, POINTS)
