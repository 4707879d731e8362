from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.adapt.tiles import parts_of, tiles_of
from napari_denoisplit.measures.trust.likeness import EDGE
from napari_denoisplit.settings import Acquisition

AS_IT_IS = Normalization(
    input_mean=0.0, input_std=1.0, channel_means=(0.0, 0.0), channel_stds=(1.0, 1.0)
)


def numbered(*shape: int) -> Image:
    """Every pixel has its own number."""
    axes = "TYX"[-len(shape) :]
    return Image(np.arange(np.prod(shape), dtype=np.float32).reshape(shape), axes, name="dish")


@pytest.mark.parametrize("shape", [(256, 300), (700, 1100), (1100, 700), (5, 300, 200)])
def test_what_judges_is_not_seen_while_adapting(shape):
    parts = parts_of(numbered(*shape), Acquisition())
    seen = np.concatenate([np.ravel(part.data) for part in parts.seen])
    aside = np.concatenate([np.ravel(part.data) for part in parts.aside])
    assert not np.intersect1d(seen, aside).size
    assert seen.size > aside.size
    assert len(parts.seen) == len(parts.aside) == (3 if len(shape) == 3 else 1)


@pytest.mark.parametrize("shape", [(100, 400), (200, 250)])
def test_recordings_without_room_for_both_are_refused(shape):
    with pytest.raises(ImageError, match="128 x 256"):
        parts_of(numbered(*shape), Acquisition())


def test_tiles_are_in_the_grey_levels_of_the_training_images():
    rng = np.random.default_rng(0)
    trained = rng.normal(size=(300, 300)).astype(np.float32)
    taken = Acquisition(gain=3.0, offset=50.0, background=((0.0, 9.0), (0.0, 9.0)))
    slope = np.linspace(0, 9, 300, dtype=np.float32)
    recorded = Image(3 * trained + 50 + slope, "YX", name="dish")
    as_trained = parts_of(Image(trained, "YX", name="dish"), Acquisition())
    np.testing.assert_allclose(
        tiles_of(parts_of(recorded, taken), AS_IT_IS), tiles_of(as_trained, AS_IT_IS), atol=1e-4
    )


def test_tiles_that_hold_nothing_take_no_part():
    pixels = np.array(numbered(256, 300).data)
    pixels[:150] = np.nan
    tiles = tiles_of(parts_of(Image(pixels, "YX"), Acquisition()), AS_IT_IS)
    assert np.isfinite(tiles).all()
    pixels[:] = 7.0
    with pytest.raises(ImageError, match="not all one grey level"):
        tiles_of(parts_of(Image(pixels, "YX"), Acquisition()), AS_IT_IS)
    assert tiles.shape[1:] == (EDGE, EDGE)
