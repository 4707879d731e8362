from __future__ import annotations

import pytest
import torch

from napari_denoisplit.noise.files.description import describe, describe_record, numbers
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.verdict import NoiseRecord, Verdict


def test_a_mixture_is_told_by_how_many_gaussians_and_coefficients_it_has():
    for n_rows, found in ((9, "3 Gaussians, 2 coefficients"), (3, "1 Gaussian, 2 coefficients")):
        values = GaussianMixture(torch.zeros(n_rows, 2), 0.0, 100.0, 1.0).to_dict()
        assert describe(values["kind"], numbers(values)) == f"gaussian-mixture, {found}"


def test_a_camera_is_told_by_what_its_data_sheet_says():
    values = {"kind": "poisson_gaussian", "gain": 57, "offset": 300.04, "read_noise": 1.23456}
    found = describe(values["kind"], numbers(values))
    assert found == "poisson-gaussian, gain 57, offset 300, read noise 1.235"


def test_origin_and_grade_are_said_or_said_to_be_unknown():
    assert describe_record(NoiseRecord()) == "from an unknown source, not judged"
    judged = NoiseRecord(source="repeats", verdict=Verdict(grade="good", reasons=()))
    assert describe_record(judged) == "from repeated exposures, good"


@pytest.mark.parametrize("wrong", [{"gain": "much"}, {"gain": None}])
def test_what_is_no_number_is_refused(wrong):
    with pytest.raises((TypeError, ValueError)):
        numbers({"kind": "poisson_gaussian", **wrong})
