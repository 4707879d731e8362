"""Sample images for napari's File > Open Sample menu: real cells, and what is drawn on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_denoisplit.images.layer_record import layer_metadata

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.images.phantom.structures import Structure

    LayerData = tuple[NDArray[np.float32], dict[str, Any], str]

STRUCTURES: tuple[Structure, ...] = ("filaments", "pits")
COLORMAPS = {"filaments": "bop orange", "pits": "bop blue"}
"""A pair that stays apart for colour-blind eyes."""
TRAINING_SEED, MIXTURE_SEED = 1, 2
TRAINING_SIZE, MIXTURE_SIZE = 1024, 512
CRITTER_FRAMES = 12
READ_NOISE = 200.0
"""Grey levels, about the spread of the superposition itself."""
PHOTON = 5.0
"""Grey levels of one photon."""


def cells() -> list[LayerData]:
    """Real cells, nuclei and actin in one noisy channel, with the true channels hidden below."""
    from napari_denoisplit.images.example.cells import cells_to_split  # loads tifffile

    superposition, truth = cells_to_split()
    colors = zip(truth.channel_names, truth.data, COLORMAPS.values(), strict=True)
    hidden = [
        _plain(channel, f"true {name}", color, kind="truth", visible=False)
        for name, channel, color in colors
    ]
    return [*hidden, _plain(superposition.data, superposition.name, "gray")]


def cells_alone() -> list[LayerData]:
    """Noisy nuclei and actin of other cells, to train a model on: one layer per structure."""
    from napari_denoisplit.images.example.cells import cells_to_train_on  # loads tifffile

    images = zip(cells_to_train_on(), COLORMAPS.values(), strict=True)
    return [_plain(image.data, image.name, color) for image, color in images]


def mixture() -> list[LayerData]:
    """One noisy superposition of two structures, with the true channels hidden below it."""
    from napari_denoisplit.images.superposition import superpose  # scipy is paid for at the click

    clean, noisy = _field(MIXTURE_SIZE, MIXTURE_SEED)
    mixed = superpose(noisy, (1 / len(STRUCTURES),) * len(STRUCTURES))
    truth = [
        _layer(channel, f"true {name}", COLORMAPS[name], MIXTURE_SEED, visible=False)
        for name, channel in zip(STRUCTURES, clean, strict=True)
    ]
    return [*truth, _layer(mixed, "superposition", "gray", MIXTURE_SEED)]


def channels() -> list[LayerData]:
    """Noisy channels of another field, to train a model on: one layer per structure."""
    _, noisy = _field(TRAINING_SIZE, TRAINING_SEED)
    return [
        _layer(channel, f"noisy {name}", COLORMAPS[name], TRAINING_SEED)
        for name, channel in zip(STRUCTURES, noisy, strict=True)
    ]


def critters_to_train_on() -> list[LayerData]:
    """Two structures that look alike near by, to train a network with context on."""
    import numpy as np

    from napari_denoisplit.images.phantom.critters import critters  # scipy, as above

    frames = np.stack([critters(seed=seed) for seed in range(CRITTER_FRAMES)], axis=1)
    colors = dict(zip(("critters 1", "critters 2"), COLORMAPS.values(), strict=True))
    return [
        (
            frame,
            {
                "name": name,
                "colormap": color,
                "blending": "additive",
                "axis_labels": ("t", "y", "x"),
                "metadata": layer_metadata(),
            },
            "image",
        )
        for frame, (name, color) in zip(frames, colors.items(), strict=True)
    ]


def _field(size: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Clean and noisy channels (C, Y, X); the same camera noise in every field."""
    from napari_denoisplit.images.phantom.phantoms import phantom  # scipy is paid for at the click
    from napari_denoisplit.images.phantom.synthetic_noise import add_noise, noise_sigma

    clean = phantom((size, size), STRUCTURES, seed)
    gaussian = READ_NOISE / noise_sigma(clean, 1.0)
    return clean, add_noise(clean, poisson=PHOTON, gaussian=gaussian, seed=seed)


def _layer(
    image: NDArray[np.float32], name: str, colormap: str, seed: int, *, visible: bool = True
) -> LayerData:
    from napari_denoisplit.images.phantom.phantoms import PIXEL_SIZE

    made: dict[str, Any] = {"phantom": {"structures": STRUCTURES, "seed": seed}}
    if name.startswith("true "):
        made["kind"] = "truth"
    data, about, of = _plain(image, name, colormap, visible=visible, **made)
    return data, about | {"scale": (PIXEL_SIZE, PIXEL_SIZE), "units": ("µm", "µm")}, of


def _plain(
    image: NDArray[np.float32],
    name: str,
    colormap: str,
    *,
    visible: bool = True,
    **made: Any,
) -> LayerData:
    """Make a layer; one that is made of the kind "truth" is never proposed as the one to split."""
    import numpy as np

    low, high = np.percentile(image, (1, 99.7))
    return (
        image,
        {
            "name": name,
            "colormap": colormap,
            "blending": "translucent" if colormap == "gray" else "additive",
            "contrast_limits": (float(low), float(high)),
            "axis_labels": ("y", "x"),
            "visible": visible,
            "metadata": layer_metadata(**made),
        },
        "image",
    )
