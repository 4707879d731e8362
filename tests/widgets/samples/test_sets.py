"""Samples are found by the label of their axis."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.widgets.samples_layers import NAMES, add_split, make_samples

from napari_denoisplit.calibration_record import CalibrationRecord
from napari_denoisplit.widgets.samples.sets import sample_sets


@pytest.mark.parametrize(
    ("labels", "lead", "axes"),
    [
        ("sample", (), "SYX"),
        ("sample time z", (3, 2), "STZYX"),
        ("z sample time", (2, 3), "ZSTYX"),
        ("time sample", (3,), "TSYX"),
    ],
)
def test_the_sample_axis_is_found_by_its_label_wherever_it_stands(viewer, rng, labels, lead, axes):
    samples = make_samples(rng, lead=lead)
    add_split(viewer, samples, labels)
    (found,) = sample_sets(viewer.layers)
    assert (found.axes, found.stack.structures, found.stack.n_kept) == (axes, NAMES, 6)
    # Planes are counted in the order of T, Z whatever the order in the viewer.
    order = [axes.replace("S", "").index(letter) for letter in "TZ" if letter in axes]
    plane = tuple(range(len(lead)))
    stored = samples.transpose(0, 1, *(2 + place for place in order), -2, -1)
    assert_allclose(found.stack.read_sample(4, plane), stored[(slice(None), 4, *plane)])
    assert_allclose(
        found.stack.read_mmse(plane), stored.mean(axis=1)[(slice(None), *plane)], rtol=1e-5
    )
    assert found.observed.shape == stored.shape[2:]


def test_the_sliders_of_the_viewer_are_read_by_the_labels_of_the_layer(viewer, rng):
    add_split(viewer, make_samples(rng, lead=(3, 2)), "time sample z")
    (found,) = sample_sets(viewer.layers)
    viewer.__wrapped__.dims.current_step = (2, 5, 1, 0, 0)  # time, sample, z
    assert found.position(viewer) == (5, (2, 1))


def test_layers_of_two_splits_are_two_sets(viewer, rng):
    for name in ("cell", "other"):
        add_split(viewer, make_samples(rng), name=name)
    add_split(viewer, make_samples(rng), name="cell")  # the same once more
    assert [found.stack.structures for found in sample_sets(viewer.layers)] == [NAMES] * 3


def test_the_order_is_that_of_the_models_channels_whatever_the_layer_list(viewer, rng):
    add_split(
        viewer,
        make_samples(rng),
        calibration=CalibrationRecord.of_factors(1.5, 0.5).model_dump(mode="json"),
    )
    viewer.layers.reverse()
    (found,) = sample_sets(viewer.layers)
    assert found.stack.structures == NAMES
    assert found.stack.calibration.factors == (1.5, 0.5)


def test_a_stopped_split_has_drawn_fewer_samples_of_each_plane(viewer, rng):
    add_split(viewer, make_samples(rng, lead=(3,)), "sample time", samples_drawn=24)
    (found,) = sample_sets(viewer.layers)
    assert found.stack.n_samples == 8


def test_a_labelled_layer_of_other_origin_stands_alone_and_others_do_not_count(viewer):
    viewer.add_image(np.zeros((4, 5, 6)), axis_labels=("Sample", "y", "x"), name="mine")
    viewer.add_image(np.zeros((4, 5, 6)), axis_labels=("time", "y", "x"))
    viewer.add_image(np.zeros((4, 5, 6)))
    viewer.add_points(np.zeros((1, 3)))
    (found,) = sample_sets(viewer.layers)
    assert (found.name, found.stack.structures, found.stack.mmse_arrays) == (
        "mine",
        ("mine",),
        None,
    )
