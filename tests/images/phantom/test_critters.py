from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.phantom.critters import FREQUENCIES, critters, joined


def test_a_frame_has_two_channels_and_comes_again_by_its_number():
    frame = critters(128, seed=4)
    assert frame.shape == (2, 128, 128)
    assert frame.dtype == np.float32
    np.testing.assert_array_equal(frame, critters(128, seed=4))
    assert not np.array_equal(frame, critters(128, seed=5))


def test_halves_meet_with_the_same_value_and_slope():
    for slow, fast in ((0.05, 0.62), (0.13, 0.31), (0.07, 0.3)):
        steps = np.diff(joined(slow, fast, 128))
        middle = len(steps) // 2
        # A step is 0.1 pixels, over which the slope turns by 0.1 times the frequency squared.
        assert abs(np.diff(steps)[middle - 3 : middle + 3]).max() < 1.1 * (0.1 * fast) ** 2
        assert abs(steps[: middle - 1]).max() < 1.01 * 0.1 * slow
        assert abs(steps[middle + 1 :]).max() > 0.9 * 0.1 * fast


def test_channels_have_the_same_frequencies_one_by_one_but_not_in_pairs():
    frames = np.stack([critters(256, seed=s) for s in range(6)])  # (N, C, Y, X)
    spectrum = abs(np.fft.rfft(frames, axis=-1)).mean(axis=(0, 2))  # (C, frequencies)
    w = np.fft.rfftfreq(256) * 2 * np.pi
    for low, high in FREQUENCIES:
        a, b = spectrum[:, (w > low - 0.02) & (w < high + 0.02)].mean(axis=1)
        assert 0.7 < a / b < 1.4


def test_lines_are_bright_and_the_background_is_dark():
    frame = critters(256)
    assert frame.min() == 0
    assert (frame == 0).mean() > 0.2
    # A place of a line has 1 of itself, and more of its neighbours.
    assert frame.max() > 5


def test_a_frame_without_room_for_the_curves_is_refused():
    with pytest.raises(ImageError, match=r"Critters of 64 pixels.* at least 90"):
        critters(64)
