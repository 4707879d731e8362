"""The few answers that the samples of a region fall into.

Source: DivNoising (Prakash et al. 2021, arXiv:2006.06072), Figure 3 and supplement 2, which shows
cluster centres of 10,000 samples found by mean shift. With tens of samples every one is alone
within the bandwidth that separates answers; hence samples are joined by Ward's method (1963) into
as many clusters as the user wants to look at, and each says how many samples stand behind it. With
thousands, `interpret` finds them by mean shift as published, within a bandwidth in grey levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.giving_up import look

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Interpretation:
    """One of the answers."""

    mean: Floats
    """(C, Y, X), mean of its samples."""
    sample: int
    """Number, from 0, of the sample that is nearest to that mean: as sharp as a real image."""
    support: float
    """Share of the samples that fall into it."""
    members: tuple[int, ...]
    """Numbers of its samples, from 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Interpretations:
    """All answers of a region, the best supported first."""

    answers: tuple[Interpretation, ...]
    separation: float
    """Share of the samples' variance that lies between the answers, 0 to 1. Of samples without
    any clusters it is not 0 either: see `by_chance`."""
    by_chance: float
    """The same of as many Gaussian samples with the same covariance: nothing but noise."""

    @property
    def summary(self) -> str:
        """How many, how well supported, and whether they are more than spread."""
        shares = ", ".join(f"{answer.support:.0%}" for answer in self.answers[:SHOWN])
        if len(self.answers) > SHOWN:
            shares += ", …"
        number = "1 alternative" if len(self.answers) == 1 else f"{len(self.answers)} alternatives"
        words = "no more than answers without any alternatives would show: read them as spread"
        if self.separation > self.by_chance + 0.1:
            words = "the alternatives are distinct"
        return (
            f"{number} with {shares} of the {sum(len(a.members) for a in self.answers)} answers. "
            f"{self.separation:.0%} of the variance lies between them, {self.by_chance:.0%} by "
            f"chance: {words}."
        )


SHOWN = 9
"""Alternatives whose shares a sentence names."""
LARGEST = 256
"""Pixels along an edge of a region: alternatives of a large one are as many as samples."""
SEEDS, ROUNDS = 100, 20
"""Of mean shift, as published."""


def interpret(
    samples: Floats, n_answers: int, seed: int = 0, *, bandwidth: float | None = None
) -> Interpretations:
    """Sort the samples of a region into answers.

    Parameters
    ----------
    samples
        (K, C, Y, X), grey levels.
    n_answers
        How many clusters to make, at most K; with a bandwidth there are as many as there are.
    seed
        Of the Gaussian samples for comparison, and of mean shift.
    bandwidth
        Clusters by mean shift of a flat kernel of this radius, the distance of two images in grey
        levels, from 100 of the samples over 20 rounds; published is 800. None: by Ward's method.

    Raises
    ------
    ValueError
        There are fewer than two samples, or fewer than answers.
    """
    n = len(samples)
    if not 1 <= n_answers <= n or n < 2:
        raise ValueError(
            f"{n} samples cannot be sorted into {n_answers} answers: keep more samples, or ask for "
            "fewer answers."
        )
    scaled = samples
    if bandwidth is None:
        spread = samples.std(axis=0).mean(axis=(1, 2))
        scaled = samples / np.maximum(spread, 1e-12)[:, None, None]
    points = scaled.reshape(n, -1).astype(np.float64)
    points -= points.mean(axis=0)

    def clusters(of: NDArray[np.float64]) -> NDArray[np.int32]:
        """Return the cluster of each sample, (K,)."""
        if bandwidth is None:
            return _ward(of, n_answers)
        return _mean_shift(of, bandwidth, np.random.default_rng(seed))

    cluster = clusters(points)
    answers = []
    for number in np.unique(cluster):
        members = np.flatnonzero(cluster == number)
        distance = ((points[members] - points[members].mean(axis=0)) ** 2).sum(axis=1)
        answers.append(
            Interpretation(
                mean=samples[members].mean(axis=0),
                sample=int(members[distance.argmin()]),
                support=len(members) / n,
                members=tuple(members.tolist()),
            )
        )
    answers.sort(key=lambda answer: (-answer.support, answer.sample))
    # Random mixtures of the samples are Gaussian with the samples' own covariance.
    mixed = np.random.default_rng(seed).normal(size=(n, n)) @ points / np.sqrt(n)
    return Interpretations(
        tuple(answers), _between(points, cluster), _between(mixed, clusters(mixed))
    )


def _ward(points: NDArray[np.float64], n_clusters: int) -> NDArray[np.int32]:
    from scipy.cluster.hierarchy import fcluster, linkage  # takes 0.2 s

    return np.asarray(fcluster(linkage(points, "ward"), n_clusters, "maxclust"), np.int32)


def _mean_shift(
    points: NDArray[np.float64], bandwidth: float, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Return for each of the points the number of the nearest centre that mean shift finds."""
    from scipy.spatial.distance import cdist  # takes 0.2 s

    centres = points[rng.permutation(len(points))[:SEEDS]]
    for _ in range(ROUNDS):
        look()
        near = (cdist(centres, points) <= bandwidth).astype(np.float64)
        # A centre that has come to lie beyond all points stays.
        counts = near.sum(axis=1, keepdims=True)
        centres = np.where(counts > 0, near @ points / np.maximum(counts, 1), centres)
    support = (cdist(centres, points) <= bandwidth).sum(axis=1)
    kept: list[int] = []
    for i in np.argsort(-support, kind="stable"):
        if not kept or cdist(centres[[i]], centres[kept]).min() > bandwidth:
            kept.append(int(i))
    return np.asarray(cdist(points, centres[kept]).argmin(axis=1), np.int32)


def _between(points: NDArray[np.float64], cluster: NDArray[np.int32]) -> float:
    """Share of the variance between clusters."""
    centred = points - points.mean(axis=0)
    total = float((centred**2).sum())
    parts = [centred[cluster == c] for c in np.unique(cluster)]
    between = sum(len(part) * float((part.mean(axis=0) ** 2).sum()) for part in parts)
    return between / total if total > 0 else 0.0
