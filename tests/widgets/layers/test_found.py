"""Results are found among the layers of a viewer, and taken as values."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.calibrations import calibrated_by
from tests.widgets.conftest import layer
from tests.widgets.samples_layers import NAMES, add_split, make_samples

from napari_denoisplit.calibration_record import CalibrationRecord, ChannelCalibration
from napari_denoisplit.images.layer_record import MMSE, SAMPLES, layer_metadata
from napari_denoisplit.measures.calibration.sigma import sigma_of
from napari_denoisplit.measures.samples.statistics import read_samples_at
from napari_denoisplit.measures.trust.footprint import area, line, pixel
from napari_denoisplit.widgets.layers.found import find_results


@pytest.mark.parametrize(
    ("labels", "lead", "axes"),
    [
        ("answer", (), "SYX"),
        ("answer time z", (3, 2), "STZYX"),
        ("z answer time", (2, 3), "ZSTYX"),
        ("time answer", (3,), "TSYX"),
    ],
)
def test_the_sample_axis_is_found_by_its_label_wherever_it_stands(viewer, rng, labels, lead, axes):
    samples = make_samples(rng, lead=lead)
    add_split(viewer, samples, labels)
    (found,) = find_results(viewer.layers, SAMPLES)
    assert (found.sample_axes, found.split.structures, found.split.n_kept) == (axes, NAMES, 6)
    # Planes are counted in the order of T, Z whatever the order in the viewer.
    order = [axes.replace("S", "").index(letter) for letter in "TZ" if letter in axes]
    plane = tuple(range(len(lead)))
    stored = samples.transpose(0, 1, *(2 + place for place in order), -2, -1)
    assert_allclose(found.split.read_sample(4, plane), stored[(slice(None), 4, *plane)])
    assert_allclose(
        found.split.read_mmse(plane), stored.mean(axis=1)[(slice(None), *plane)], rtol=1e-5
    )
    assert found.observed.shape == stored.shape[2:]


def test_the_sliders_of_the_viewer_are_read_by_the_labels_of_the_layer(viewer, rng):
    add_split(viewer, make_samples(rng, lead=(3, 2)), "time answer z")
    (found,) = find_results(viewer.layers, SAMPLES)
    viewer.__wrapped__.dims.current_step = (2, 5, 1, 0, 0)  # time, sample, z
    assert found.position(viewer) == (5, (2, 1))


@pytest.mark.parametrize("kind", ["MAP", "consensus", "shown sample", "denoised", "unfamiliar"])
def test_what_this_program_made_is_no_input_of_a_result_that_does_not_know_its_own(
    viewer, rng, kind
):
    samples = make_samples(rng)
    add_split(viewer, samples)
    (found,) = find_results(viewer.layers, SAMPLES)
    recorded = viewer.add_image(samples[0, 0], name="recorded")
    made = viewer.add_image(samples[0, 0], name="made", metadata=layer_metadata(kind=kind))
    assert found.may_be_input(recorded)
    assert not found.may_be_input(made)


def test_layers_of_two_splits_are_two_results(viewer, rng):
    for name in ("cell", "other"):
        add_split(viewer, make_samples(rng), name=name)
    add_split(viewer, make_samples(rng), name="cell")  # the same once more
    assert [found.split.structures for found in find_results(viewer.layers, SAMPLES)] == [NAMES] * 3


def test_the_order_is_that_of_the_models_channels_whatever_the_layer_list(viewer, rng):
    add_split(
        viewer,
        make_samples(rng),
        calibration=calibrated_by(1.5, 0.5).model_dump(mode="json"),
    )
    viewer.layers.reverse()
    (found,) = find_results(viewer.layers, SAMPLES)
    assert found.split.structures == NAMES
    assert found.split.calibration.factors == (1.5, 0.5)


def test_the_record_tells_how_many_samples_were_drawn(viewer, rng):
    add_split(viewer, make_samples(rng, lead=(3,)), "answer time", settings={"n_samples": 8})
    (found,) = find_results(viewer.layers, SAMPLES)
    assert found.split.n_samples == 8


def test_a_labelled_layer_of_other_origin_stands_alone_and_others_do_not_count(viewer):
    viewer.add_image(np.zeros((4, 5, 6)), axis_labels=("Sample", "y", "x"), name="mine")
    viewer.add_image(np.zeros((4, 5, 6)), axis_labels=("time", "y", "x"))
    viewer.add_image(np.zeros((4, 5, 6)))
    viewer.add_points(np.zeros((1, 3)))
    (found,) = find_results(viewer.layers, SAMPLES)
    assert (found.name, found.split.structures, found.split.mmse_arrays) == (
        "mine",
        ("mine",),
        None,
    )


def test_a_result_has_the_structures_that_have_a_layer_of_the_kind_asked_for(viewer, rng):
    add_split(viewer, make_samples(rng))
    viewer.layers.remove("actin answers · cell")
    (with_mmse,) = find_results(viewer.layers, MMSE)
    assert (with_mmse.split.structures, with_mmse.samples) == (NAMES, ())
    (with_samples,) = find_results(viewer.layers, SAMPLES)
    assert (with_samples.split.structures, len(with_samples.mmse)) == (NAMES[:1], 1)


def test_a_result_whose_record_cannot_be_read_is_named_and_others_are_found(viewer, rng):
    samples = make_samples(rng)
    add_split(viewer, samples, name="good")
    add_split(viewer, samples, name="bad", calibration={"channels": "none"})
    viewer.add_image(np.zeros((3, 20, 24)), axis_labels=("sample", "y", "q"), name="foreign")
    unread = []
    assert [found.name for found in find_results(viewer.layers, SAMPLES, unread)][:1] == ["good"]
    (sentence,) = unread
    assert " · bad'" in sentence
    assert "The calibration in the record" in sentence


MAP = {"spread": (1.0, 10.0), "sigma": (3.0, 12.0)}


@pytest.mark.parametrize("calibration", [{"factor": 2.0}, {"factor": 2.0} | MAP])
@pytest.mark.parametrize("kind", ["pixel", "line", "area"])
def test_intervals_of_every_place_agree_with_the_layer_of_sigma(viewer, rng, calibration, kind):
    # All pixels of the dim and of the bright half go up and down together, so that the sigma of a
    # mean is that of its pixels.
    n, spread = 400, np.repeat([1.0, 10.0], 12)
    drawn = rng.normal(size=n)
    drawn = (drawn - drawn.mean()) / drawn.std(ddof=1)
    samples = (drawn[:, None, None] * spread * np.ones((20, 1)) + 100).astype("f4")
    record = CalibrationRecord(channels=(ChannelCalibration(**calibration),) * 2)
    samples = np.stack([samples, samples])
    add_split(viewer, samples, calibration=record.model_dump(mode="json"))
    for name in NAMES:
        shown = layer(viewer, f"{name} uncertainty · cell")
        shown.data = sigma_of(np.stack([shown.data] * 2), record)[0]
    (found,) = find_results(viewer.layers, SAMPLES)
    for column, half in ((4, slice(0, 12)), (18, slice(12, 24))):
        mask = np.zeros((20, 24), bool)
        mask[2:9, half] = True
        place = {
            "pixel": pixel(5, column),
            "line": line(np.array([[2.0, column], [15.0, column]]), (20, 24)),
            "area": area(mask),
        }[kind]
        expected = shown.data[5, column]
        estimate = read_samples_at(found.split, (), place).estimates[0]
        assert_allclose(estimate.sigma, expected, rtol=1e-3)
        assert_allclose(estimate.high - estimate.low, 2 * 1.96 * expected, rtol=0.02)
