"""Spread of the samples' PSNR."""

from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.measures.psnr_spread import psnr_spread


def test_it_is_the_standard_deviation_of_the_decibels():
    truth = np.array([0.0, 1.0] * 50)
    # Errors of 0.1 and 0.01 everywhere: 20 and 40 dB.
    assert psnr_spread(truth, [truth + 0.1, truth - 0.01]) == pytest.approx(10)


def test_one_sample_has_no_spread():
    with pytest.raises(ValueError, match="two or more"):
        psnr_spread(np.arange(4.0), [np.arange(4.0)])
