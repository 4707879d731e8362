"""Training and test images of the quality benchmarks."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.critters import critters
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise, noise_sigma
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.images.training.fields import TrainingFields

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DATA_SETS", "NF1_WELLS", "DataSet", "nf1"]

REPOSITORY = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("DENOISPLIT_DATA", REPOSITORY.parent / "shared" / "data"))
NOISE_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class DataSet:
    """What a model is trained on, and what it is tested with."""

    title: str
    fields: TrainingFields
    superposition: Image
    """(Y, X) or frames (T, Y, X), noisy."""
    noisy: np.ndarray
    """(C, Y, X) or (T, C, Y, X), the channels behind that superposition."""
    truth: np.ndarray
    """As `noisy`."""
    window: tuple[slice, slice]
    """Part of the test image that is shown in pictures."""
    train_clean: np.ndarray | None = None
    """(N, C, Y, X), the fields trained on before noise was added; None where it is real."""
    expose: Callable[[int], np.ndarray] | None = None
    """Another exposure of the fields trained on, by its seed, (N, C, Y, X)."""
    training: dict[str, Any] = field(default_factory=dict)
    """Settings of a training that these images ask for."""


NF1 = ("nuclei", "ER", "actin")
NF1_WELLS = ("D6", "D7", "B7")


def nf1(
    gaussian: float = 1.0,
    poisson: float = 0.0,
    structures: tuple[str, str] = ("nuclei", "actin"),
    test: str = "B7",
) -> DataSet:
    """NF1 Schwann cells, two of their structures: clean images with the paper's synthetic noise.

    One well is the test, the two others are trained on.
    """
    channels = [NF1.index(structure) for structure in structures]
    folder = DATA / "train" / "nf1_nuclei_er_actin"
    clean = {
        name: np.asarray(read_image(folder / f"nf1_{name}.ome.tif").data, np.float32)[channels]
        for name in NF1_WELLS
    }
    wells = [name for name in NF1_WELLS if name != test]
    train = np.stack([clean[name] for name in wells])
    noisy = add_noise(train, poisson=poisson, gaussian=gaussian, seed=NOISE_SEED)
    truth = clean[test][:, :896, :896]
    # The same camera: sigma in grey levels is that of the training images.
    same = gaussian * noise_sigma(train, 1.0) / noise_sigma(truth, 1.0)
    noisy_test = add_noise(truth, poisson=poisson, gaussian=same, seed=NOISE_SEED + 1)
    return DataSet(
        f"NF1 {' + '.join(structures)}, "
        f"Gaussian noise of {gaussian:g} x the input's standard deviation"
        + (f" and Poisson noise of factor {poisson:g}" if poisson else ""),
        TrainingFields(tuple(noisy), structures, tuple(f"nf1_{name}" for name in wells)),
        Image(superpose(noisy_test, (0.5, 0.5)), "YX", name=test),
        noisy_test,
        truth,
        (slice(200, 520), slice(200, 520)),
        train,
        lambda seed: add_noise(train, poisson=poisson, gaussian=gaussian, seed=seed),
    )


def hagen() -> DataSet:
    """Hagen et al. 2021, actin and mitochondria with real noise: one image, a block held out."""
    folder = DATA / "train" / "hagen_actin_mito"
    low, high = (
        np.asarray(read_image(folder / f"hagen_60x-noise1_{snr}snr.ome.tif").data, np.float32)
        for snr in ("low", "high")
    )
    block = (slice(None), slice(1152, 1664), slice(1024, 1536))
    mask = np.ones(low.shape[1:], bool)
    mask[block[1:]] = False
    return DataSet(
        "Hagen 60x actin + mitochondria, real noise, the test block in the middle of the cell",
        TrainingFields(
            (low,), ("actin", "mitochondria"), ("hagen_60x-noise1_lowsnr",), masks=(mask,)
        ),
        Image(superpose(low[block], (0.5, 0.5)), "YX", name="block"),
        low[block],
        high[block],
        (slice(96, 416), slice(96, 416)),
    )


def phantoms() -> DataSet:
    """Filaments and pits drawn by the program, with Poisson and Gaussian noise."""
    clean = np.stack([phantom((512, 512), ("filaments", "pits"), seed) for seed in range(3)])
    truth = phantom((512, 512), ("filaments", "pits"), 1_000_000)
    noisy = add_noise(clean, poisson=5.0, gaussian=1.0, seed=NOISE_SEED)
    test = add_noise(truth, poisson=5.0, gaussian=1.0, seed=NOISE_SEED + 1)
    return DataSet(
        "Phantom filaments + pits, Poisson and Gaussian noise",
        TrainingFields(tuple(noisy), ("filaments", "pits"), ("phantom seeds 0 to 2",)),
        Image(superpose(test, (0.5, 0.5)), "YX", name="phantom"),
        test,
        truth,
        (slice(96, 416), slice(96, 416)),
    )


def two_photon() -> DataSet:
    """Three structures of BPAE cells (FMD), a single exposure with real noise: a block held out."""
    folder = DATA / "train" / "fmd_mito_actin_nuclei"
    names = ("mitochondria", "actin", "nuclei")
    raw, mean = (
        np.asarray(read_image(folder / f"fmd_TwoPhoton_BPAE_{kind}.ome.tif").data, np.float32)
        for kind in ("raw_repeats", "gt_avg50")
    )
    noisy = raw[0]
    block = (slice(None), slice(160, 352), slice(160, 352))
    mask = np.ones(noisy.shape[1:], bool)
    mask[block[1:]] = False
    return DataSet(
        "FMD two-photon, mitochondria + actin + nuclei, real noise, the test block in the middle",
        TrainingFields((noisy,), names, ("fmd_TwoPhoton_BPAE_raw_repeats",), masks=(mask,)),
        Image(superpose(noisy[block], (1 / 3,) * 3), "YX", name="block"),
        noisy[block],
        mean[block],
        (slice(0, 192), slice(0, 192)),
    )


def four_structures() -> DataSet:
    """Nuclei, ER and actin of NF1 cells, and pits drawn by the program over them."""
    folder = DATA / "train" / "nf1_nuclei_er_actin"
    scenes = []
    for seed, well in enumerate(("D6", "D7", "B7")):
        cells = np.asarray(read_image(folder / f"nf1_{well}.ome.tif").data, np.float32)
        cells = cells[:, :896, :896]
        pits = phantom(cells.shape[1:], ("pits",), seed)
        pits *= cells.std() / pits.std()
        scenes.append(np.concatenate([cells, pits]))
    *train, truth = scenes
    noisy = add_noise(np.stack(train), gaussian=0.5, seed=NOISE_SEED)
    truth = truth[:, :512, :512]
    same = 0.5 * noise_sigma(np.stack(train), 1.0) / noise_sigma(truth, 1.0)
    test = add_noise(truth, gaussian=same, seed=NOISE_SEED + 1)
    names = ("nuclei", "ER", "actin", "pits")
    return DataSet(
        "NF1 nuclei + ER + actin + drawn pits, Gaussian noise of 0.5 x the input's deviation",
        TrainingFields(tuple(noisy), names, ("nf1_D6", "nf1_D7")),
        Image(superpose(test, (0.25,) * 4), "YX", name="B7"),
        test,
        truth,
        (slice(96, 416), slice(96, 416)),
    )


def far_halves() -> DataSet:
    """Curves that only what lies far away tells apart, without noise."""
    clean = tuple(critters(256, seed) for seed in range(100))
    truth = np.stack([critters(256, 1_000_000 + seed) for seed in range(8)])
    return DataSet(
        "SinosoidalCritters of 256 pixels, N_join 0, no noise, 8 frames held out",
        TrainingFields(clean, ("channel 1", "channel 2"), ("critters seeds 0 to 99",)),
        Image(truth.mean(1), "TYX", name="critters"),
        truth,
        truth,
        (slice(0, 256), slice(0, 256)),
        # Critters lie: a turned one is none. The channels know nothing of one another.
        training={"augment": False, "independent_share": 0.0},
    )


DATA_SETS: dict[str, Callable[[], DataSet]] = {
    "A": nf1,
    "A2": lambda: nf1(gaussian=2.0),
    "A4": lambda: nf1(gaussian=4.0),
    "AP": lambda: nf1(poisson=1000.0),
    "AD6": lambda: nf1(test="D6"),
    "AD7": lambda: nf1(test="D7"),
    "AE": lambda: nf1(structures=("ER", "actin")),
    "B": hagen,
    "C": phantoms,
    "D": two_photon,
    "E": four_structures,
    "critters": far_halves,
}
