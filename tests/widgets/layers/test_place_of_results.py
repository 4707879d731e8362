"""What is made of a layer lies where it lies, however that is turned, sheared and moved."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from napari.layers import Image as ImageLayer
from tests.widgets.samples_layers import NAMES, make_samples

from napari_denoisplit.checkpoint import ModelHeader
from napari_denoisplit.events import LensDrawn, PreviewSplit
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.layer_record import (
    MMSE,
    RESIDUAL,
    SAMPLES,
    SIGMA,
    kind_of,
    layer_metadata,
)
from napari_denoisplit.images.results.layers import levels_of
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.settings import LadderSettings, MixSettings
from napari_denoisplit.widgets.choosers.chosen import ChosenImage
from napari_denoisplit.widgets.denoise.widget import show_denoised
from napari_denoisplit.widgets.layers.found import find_results
from napari_denoisplit.widgets.layers.opened import OpenedResult
from napari_denoisplit.widgets.layers.place import place_of_layer, viewer_reference
from napari_denoisplit.widgets.layers.results import Subject
from napari_denoisplit.widgets.samples.picture import ShownSamples
from napari_denoisplit.widgets.samples.pinned import PinnedSamples
from napari_denoisplit.widgets.samples.place import DrawnPlace, PixelMarker
from napari_denoisplit.widgets.split.disk_layers import DiskLayers
from napari_denoisplit.widgets.split.in_memory import MemoryLayers
from napari_denoisplit.widgets.split.lens_layers import LensLayers, LensPicture
from napari_denoisplit.widgets.train.run import PreviewLayers
from napari_denoisplit.widgets.trust.samples import ALTERNATIVES, CONSENSUS, MODE
from napari_denoisplit.widgets.trust.showing import show_image
from napari_denoisplit.widgets.trust.widget import TrustWidget

ANGLE = np.deg2rad(30)
TURN = [[np.cos(ANGLE), -np.sin(ANGLE)], [np.sin(ANGLE), np.cos(ANGLE)]]
TURNED = {
    "rotated": {"rotate": TURN},
    "sheared": {"shear": [0.3]},
    "affine": {"affine": [[0.65, 0.1, 40], [-0.2, 0.65, -7], [0, 0, 1]]},
    "all of them": {"rotate": TURN, "shear": [0.3], "affine": [[2, 0.1, 4], [0, 1, 5], [0, 0, 1]]},
}
SIZE = (20, 24)


@pytest.fixture(params=TURNED)
def turned(request, viewer, rng):
    """A layer that is turned, with a scale and a shift."""
    place = {"scale": (0.5, 0.25), "translate": (3, -4), **TURNED[request.param]}
    image = viewer.add_image(rng.normal(200, 10, SIZE).astype("f4"), name="cell", **place)
    return getattr(image, "__wrapped__", image)


def corners(layer, first=(0, 0), size=None):
    """Where the corners of a picture, or of a part of it, lie in the viewer."""
    pixels = layer.data[0] if layer.multiscale else layer.data
    ends = [(at, at + n - 1) for at, n in zip(first, size or pixels.shape[-2:], strict=True)]
    lead = (0,) * (layer.ndim - 2)
    return np.array([layer.data_to_world((*lead, *corner))[-2:] for corner in product(*ends)])


def made(viewer):
    """Layers that the plugin has made."""
    return [getattr(one, "__wrapped__", one) for one in viewer.layers if kind_of(one.metadata)]


@pytest.fixture
def split(rng):
    samples = make_samples(rng)
    return Split(
        "YX",
        NAMES,
        mmse_arrays=samples.mean(axis=1),
        sigma_arrays=samples.std(axis=1),
        sample_arrays=samples,
        n_samples=6,
        name="cell",
    )


@pytest.fixture
def results(viewer, turned, split):
    """Layers of a split of the turned layer, as the Split widget makes them."""
    subject = Subject("cell", place_of_layer(turned, "YX"), NAMES, calibrated=False)
    layers = MemoryLayers(viewer_reference(viewer), subject)
    layers.take_result(OpenedResult(split, levels_of(split, "YX")))
    while layers.flush():
        pass
    return made(viewer)


def test_results_in_memory(turned, results):
    assert len(results) == 6
    for layer in results:
        np.testing.assert_allclose(corners(layer), corners(turned))


def test_results_on_disk(viewer, turned, split):
    subject = Subject("cell", place_of_layer(turned, "YX"), NAMES, calibrated=False)
    layers = DiskLayers(viewer_reference(viewer), subject, {})
    layers.take_result(OpenedResult(split, levels_of(split, "YX")))
    while layers.flush():
        pass
    assert len(made(viewer)) == 6
    for layer in made(viewer):
        np.testing.assert_allclose(corners(layer), corners(turned))


def test_what_is_denoised(viewer, turned):
    image = Image(turned.data, "YX")
    chosen = ChosenImage("cell", image, turned, place_of_layer(turned, "YX"))
    show_denoised(viewer_reference(viewer), chosen, image, image, {})
    np.testing.assert_allclose(corners(viewer.layers["cell denoised"].__wrapped__), corners(turned))


def test_previews_of_a_training_lie_straight_beside_everything(viewer, turned):
    place = place_of_layer(turned, "YX")
    previews = PreviewLayers(viewer_reference(viewer), "model", NAMES, place)
    low, high = viewer.layers.extent.world
    planes = np.zeros((len(NAMES), 32, 32), np.float32)
    for _ in previews.show(PreviewSplit(1, planes[0], planes, planes)):
        pass
    new = made(viewer)
    assert len(new) == 1 + 2 * len(NAMES)
    for layer in new:
        y, x = corners(layer).T
        assert len(set(y.round(6))) == len(set(x.round(6))) == 2  # not turned
        assert y.min() >= low[-2]
        assert x.min() > high[-1]


def test_samples_that_are_shown_or_pinned(viewer, qtbot, turned, results):
    (found,) = find_results(viewer.layers, SAMPLES)
    picture = ShownSamples(viewer_reference(viewer))
    picture.begin(found, found.split.read_sample(1, ()))
    pinned = PinnedSamples(viewer_reference(viewer))
    qtbot.addWidget(pinned)
    pinned.show_set(found)
    pinned.pin(1, picture.sample_limits())
    new = made(viewer)[len(results) :]
    assert len(new) == 4
    for layer in new:
        np.testing.assert_allclose(corners(layer), corners(turned))
    at = picture.layers[0].data_to_world((7, 11))
    assert picture.pixel_at(at) == (7, 11)


def test_trust_mask_consensus_and_answers_of_a_region(viewer, qtbot, dock, turned, results):
    widget = dock(viewer, TrustWidget(viewer))
    widget.mask.show_button.click()
    region = np.array([[5.3, 8.3], [5.3, 16.7], [13.7, 16.7], [13.7, 8.3]])
    place = place_of_layer(turned, "YX").keywords("YX")
    viewer.add_shapes([region], shape_type="rectangle", name="here", **place)
    widget.samples.region.box.setCurrentText("here")
    for tool in (MODE, CONSENSUS, ALTERNATIVES):
        widget.samples.tool.setCurrentText(tool)
        widget.samples.panel.button.click()
        qtbot.waitUntil(lambda: not widget.samples.panel.is_busy)
    new = made(viewer)[len(results) :]
    answers = [layer for layer in new if " alt " in layer.name]
    assert len(answers) >= 2
    assert len(new) - len(answers) == 1 + 2 + 2  # mask, MAP of each, labels with confidence
    for layer in new:
        part = ((5, 8), (10, 10)) if layer in answers else ()
        np.testing.assert_allclose(corners(layer), corners(turned, *part))


def test_a_result_that_is_found_again_says_where_its_layers_lie(viewer, turned, results):
    (found,) = find_results(viewer.layers, MMSE)
    again = ImageLayer(np.zeros(SIZE), **found.place.keywords("YX"), metadata=layer_metadata())
    np.testing.assert_allclose(corners(again), corners(turned))


@pytest.fixture
def found(viewer, results):
    (found,) = find_results(viewer.layers, SAMPLES)
    return found


def test_a_residual_also_where_the_one_of_another_split_was(viewer, turned, results, found):
    data = found.as_in_viewer(np.zeros(SIZE, "f4"))
    for _ in range(2):
        show_image(viewer_reference(viewer), found, "residual", data, kind=RESIDUAL)
        (layer,) = made(viewer)[len(results) :]
        np.testing.assert_allclose(corners(layer), corners(turned))
        layer.affine, layer.translate = np.eye(layer.ndim + 1), (9,) * layer.ndim


def test_the_lens(viewer, turned, rng):
    header = ModelHeader(
        network=LadderSettings(n_levels=2, n_filters=4, n_latents=2),
        mix=MixSettings(),
        normalization=Normalization(
            input_mean=0, input_std=1, channel_means=(0.0, 0.0), channel_stds=(1.0, 1.0)
        ),
        channel_names=tuple(NAMES),
    )
    layers = LensLayers(viewer_reference(viewer), turned, "YX", header, {})
    limits = {(channel, kind): (0.0, 1.0) for channel in (0, 1) for kind in (MMSE, SIGMA)}
    for y, x in ((3, 5), (8, 2)):  # the view moves
        mmse, sigma = rng.normal(size=(2, 2, 6, 9)).astype("f4")
        layers.take(LensPicture(LensDrawn((), (y, y + 6), (x, x + 9), mmse, sigma, 2, 8), limits))
        while layers.flush():
            pass
        for layer in made(viewer):
            if layer.visible:  # others are brought up to date when they are shown
                np.testing.assert_allclose(corners(layer), corners(turned, (y, x), (6, 9)))
    assert len(made(viewer)) == 4


@pytest.mark.parametrize("own_place", [True, False])
def test_a_drawn_shape_measures_what_it_lies_on(viewer, qtbot, turned, found, own_place):
    drawn = DrawnPlace(viewer_reference(viewer))
    qtbot.addWidget(drawn)
    outline = np.array([[5.3, 8.3], [5.3, 16.7], [13.7, 16.7], [13.7, 8.3]])
    if own_place:
        drawn.place = found.place
        drawn.draw("add_polygon")
        shapes = viewer.layers[-1]
    else:  # drawn by the user, on the screen as it is
        shapes = viewer.add_shapes(ndim=2)
        outline = np.array([turned.data_to_world(corner) for corner in outline])
    drawn.reset_choices()
    with qtbot.waitSignal(drawn.changed):
        shapes.add_polygons([outline])
    footprint = drawn.footprint(found, lambda points: points)
    expected = set(product(range(6, 14), range(9, 17)))
    assert set(zip(footprint.y.tolist(), footprint.x.tolist(), strict=True)) == expected


def test_the_cross_on_a_clicked_pixel(viewer, turned, found):
    marker = PixelMarker(viewer_reference(viewer))
    marker.show(found, (7, 11), (0,))
    cross = viewer.layers[-1]
    np.testing.assert_allclose(
        cross.data_to_world(cross.data[0]), turned.data_to_world((7, 11)), atol=1e-9
    )
