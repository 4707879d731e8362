"""The Trust widget on layers as the Split widget makes them."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from tests.stand_in import stand_in
from tests.widgets.conftest import layer

from napari_denoisplit.checkpoint import Model, ModelHeader, load_model, save_model
from napari_denoisplit.images.example.cells import MODEL
from napari_denoisplit.images.layer_record import kind_in_words, kind_of, layer_name
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.jobs.adapt.job import Adapted
from napari_denoisplit.measures.trust.likeness import KEY as LIKENESS
from napari_denoisplit.measures.trust.likeness import Likeness, widened
from napari_denoisplit.measures.trust.mask import background_of
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.noise.models.superposed import superposed_noise
from napari_denoisplit.settings import LadderSettings, MixSettings
from napari_denoisplit.verdict import Verdict
from napari_denoisplit.widgets.parts.docked import open_page
from napari_denoisplit.widgets.trust.adapting import _beside
from napari_denoisplit.widgets.trust.samples import ALTERNATIVES, CONSENSUS, MODE
from napari_denoisplit.widgets.trust.showing import show_image
from napari_denoisplit.widgets.trust.widget import TrustWidget

CAMERA = PoissonGaussian(5.0, 100.0, 40.0, 0, 1e5)
NETWORK = LadderSettings(n_levels=2, n_filters=8, n_latents=4, upsampling="nearest")
NAMES = ("filaments", "pits")
SIGMAS = ("uncertainty", "wider σ")
PLACE = {"scale": (0.5, 0.25), "translate": (3, 4)}


@pytest.fixture(scope="module")
def clean():
    return phantom((96, 128), NAMES, seed=1)


@pytest.fixture
def model_file(tmp_path):
    header = ModelHeader(
        network=NETWORK,
        mix=MixSettings(),
        normalization={
            "input_mean": 0.0,
            "input_std": 1.0,
            "channel_means": (0.0, 0.0),
            "channel_stds": (1.0, 1.0),
        },
        channel_names=NAMES,
        noise_models=(CAMERA.to_dict(), CAMERA.to_dict()),
    )
    path = tmp_path / "cells.denoisplit"
    save_model(path, Model(VSE(NETWORK), header))
    return path


def add_split(viewer, clean, n_samples=6, name="cells"):
    """Add an image and its split: the truth with samples that err smoothly around it."""
    rng = np.random.default_rng(3)
    models = (CAMERA, CAMERA)
    x = superpose(clean, (0.5, 0.5)) + superposed_noise(models, (0.5, 0.5), clean, 1)
    viewer.add_image(x, name=name, **PLACE)
    errors = 8 * gaussian_filter(rng.normal(size=(n_samples, 2, *x.shape)), (0, 0, 2, 2))
    for c in (1, 0):
        about = {"input": name, "structure": NAMES[c], "model": "cells.denoisplit"}
        for kind, data in (
            ("MMSE", clean[c]),
            ("sigma", 20 + 0.05 * clean[c]),
            ("samples", clean[c] + errors[:, c].astype(np.float32)),
        ):
            place = {key: (0, *v) if data.ndim == 3 else v for key, v in PLACE.items()}
            place["scale"] = (1, *PLACE["scale"]) if data.ndim == 3 else PLACE["scale"]
            viewer.add_image(
                data,
                name=layer_name(name, NAMES[c], kind_in_words(kind, calibrated=True)),
                metadata={"denoisplit": about | {"kind": kind}},
                **place,
            )


@pytest.fixture
def widget(viewer, clean, dock, model_file):
    add_split(viewer, clean)
    widget = dock(viewer, TrustWidget(viewer))
    widget.residual.model.open(model_file)
    return widget


def finish(qtbot, panel):
    panel.button.click()
    qtbot.waitUntil(lambda: not panel.is_busy, timeout=60_000)


def test_the_split_and_its_input_are_found(widget):
    assert widget.split.chosen.split.structures == NAMES
    assert widget.split.chosen.split.n_kept == 6
    assert widget.residual.input.layer.name == "cells"
    assert widget.residual.panel.button.isEnabled()


def test_without_a_split_it_says_what_to_do(viewer, dock):
    widget = dock(viewer, TrustWidget(viewer))
    for panel in (widget.residual.panel, widget.samples.panel):
        assert "Split an image first" in panel.hint.text()


def test_the_residual_of_the_truth_is_noise(qtbot, viewer, widget):
    finish(qtbot, widget.residual.panel)
    assert "usable" in widget.residual.verdict.text()
    assert "rough judgement" in widget.residual.verdict.text()
    residual = layer(viewer, "residual · cells")
    assert residual.data.std() == pytest.approx(1, abs=0.05)
    assert tuple(residual.scale) == PLACE["scale"]
    assert "6 answers" in widget.residual.numbers.text()
    assert widget.residual.plot.density.max() == pytest.approx(0.4, abs=0.05)


def test_unfamiliar_places_can_be_shown_over_the_input(qtbot, viewer, widget, model_file, rng):
    model = load_model(model_file)
    figures = [rng.normal(size=(100, 2 * NETWORK.n_filters)) for _ in range(NETWORK.n_levels)]
    likeness = Likeness.of(figures, noise=1, contrast=1).model_dump(mode="json")
    header = model.header.model_copy(update={"training": {LIKENESS: likeness}})
    save_model(model_file, replace(model, header=header))
    widget.residual.model.open(model_file)
    finish(qtbot, widget.residual.panel)
    strange, residual = (layer(viewer, f"{name} · cells") for name in ("unfamiliar", "residual"))
    assert (strange.visible, strange.blending) == (False, "additive")
    assert np.isfinite(strange.data).all()
    assert [one.name for one in widget.residual.input.layers] == ["cells"]
    assert strange.data.shape == residual.data.shape
    assert tuple(strange.scale) == tuple(residual.scale)
    for structure in NAMES:
        sigma, wide = (layer(viewer, f"{structure} {kind} · cells") for kind in SIGMAS)
        np.testing.assert_allclose(wide.data, widened(sigma.data, strange.data))
        assert (wide.visible, wide.contrast_limits) == (False, sigma.contrast_limits)
    save_model(model_file, model)
    widget.residual.model.open(model_file)
    finish(qtbot, widget.residual.panel)
    gone = ("unfamiliar · cells", f"{NAMES[0]} {SIGMAS[1]} · cells")
    qtbot.waitUntil(lambda: not any(name in viewer.layers for name in gone))


def test_the_verdict_does_not_wait_for_its_layers(qtbot, viewer, widget):
    part, seen = widget.residual, []

    def note(event):
        seen.append((part.panel.button.text(), part.verdict.isVisibleTo(widget)))

    viewer.layers.events.inserted.connect(note)
    finish(qtbot, part.panel)
    assert seen == [("Showing…", True)] * 2


def test_a_second_check_takes_the_place_of_the_first(qtbot, viewer, widget):
    finish(qtbot, widget.residual.panel)
    n_layers = len(viewer.layers)
    finish(qtbot, widget.residual.panel)
    assert len(viewer.layers) == n_layers


@pytest.mark.parametrize("helps", [True, False])
def test_where_a_split_is_doubtful_the_model_can_be_adapted(
    qtbot, widget, model_file, monkeypatch, helps
):
    part = widget.residual.adapting
    assert not part.isVisibleTo(widget)
    finish(qtbot, widget.residual.panel)
    assert part.isVisibleTo(widget)

    def adapt_job(model, recordings, settings, *, path=None, stop=None):
        assert (model, recordings[0].name) == (model_file, "cells")
        grade = "good" if helps else "do not use"
        return Adapted(None, path if helps else None, Verdict(grade=grade, reasons=("So it is.",)))
        yield

    stand_in(monkeypatch, "jobs.adapt.job", adapt_job)
    (model_file.parent / "cells_adapted.denoisplit").write_bytes(b"taken")
    finish(qtbot, part.panel)
    said = part.panel.status.text()
    assert "So it is." in said
    assert ("cells_adapted-2.denoisplit" in said) == helps
    widget.residual.model.open(model_file.with_name("none.denoisplit"))
    assert not part.isVisibleTo(widget)


def test_a_model_adapted_from_the_example_is_kept_at_home(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert _beside(MODEL) == tmp_path / "cells_adapted.denoisplit"


def test_a_verdict_goes_with_what_it_was_about(qtbot, viewer, widget, model_file, tmp_path):
    finish(qtbot, widget.residual.panel)
    other = tmp_path / "other.denoisplit"
    other.write_bytes(model_file.read_bytes())
    widget.residual.model.open(other)
    assert not widget.residual.verdict.isVisibleTo(widget)
    widget.residual.model.open(model_file)
    finish(qtbot, widget.residual.panel)
    assert widget.residual.verdict.isVisibleTo(widget)
    viewer.layers.remove("pits · cells")
    viewer.layers.remove("filaments · cells")
    assert not widget.residual.verdict.isVisibleTo(widget)


def test_an_input_with_pixels_that_are_not_numbers_has_no_verdict(qtbot, viewer, widget):
    damaged = layer(viewer, "cells").data.copy()
    damaged[3, 4] = np.nan
    layer(viewer, "cells").data = damaged
    finish(qtbot, widget.residual.panel)
    assert "1 pixel that is NaN" in widget.residual.panel.status.text()
    assert not widget.residual.verdict.isVisibleTo(widget)


def test_an_input_that_goes_is_not_replaced_by_a_result(viewer, widget):
    viewer.layers.remove("cells")
    assert "'cells', is not open" in widget.residual.panel.hint.text()


def test_a_stop_before_the_first_plane_is_no_error(qtbot, widget, monkeypatch):
    monkeypatch.setattr(widget.residual.panel, "notify", pytest.fail)
    widget.residual.panel.button.click()
    widget.residual.panel.button.click()
    qtbot.waitUntil(lambda: not widget.residual.panel.is_running, timeout=60_000)
    assert "stopped before its first plane" in widget.residual.panel.status.text()


def test_a_model_of_other_structures_is_refused_before_the_run(widget, model_file, tmp_path):
    trained = load_model(model_file)
    header = trained.header.model_copy(update={"channel_names": ("nuclei", "pits")})
    save_model(tmp_path / "others.denoisplit", replace(trained, header=header))
    widget.residual.model.open(tmp_path / "others.denoisplit")
    assert "made with (cells.denoisplit)" in widget.residual.panel.hint.text()
    assert not widget.residual.panel.button.isEnabled()


def test_an_image_of_equal_size_is_not_taken_for_the_input(viewer, widget, clean):
    viewer.layers.remove("cells")
    for name, size in (("other", clean.shape[1:]), ("small", (20, 20))):
        viewer.add_image(np.zeros(size, np.float32), name=name)
    assert widget.residual.input.layer is None
    assert [one.name for one in widget.residual.input.layers] == ["other"]  # it may be renamed
    assert "Choose the image that was split, 'cells'" in widget.residual.panel.hint.text()
    assert not widget.residual.panel.button.isEnabled()


def test_the_mask_follows_the_slider(qtbot, viewer, widget, clean):
    widget.mask.show_button.click()
    mask = layer(viewer, "filaments trusted · cells")
    assert tuple(mask.scale) == PLACE["scale"]
    expected = 20 + 0.05 * clean[0] <= 0.33 * np.abs(clean[0] - widget.mask.background.value())
    assert (mask.data.astype(bool) == expected).mean() > 0.999
    before = mask.data.sum()
    widget.mask.slider.setValue(10)
    qtbot.waitUntil(lambda: mask.data.sum() < before, timeout=5000)
    assert "not calibrated" in widget.mask.about.text()
    viewer.layers.remove(mask.name)
    widget.mask.slider.setValue(20)
    qtbot.waitUntil(lambda: not widget.mask.status.text(), timeout=5000)


def test_the_mask_is_not_offered_as_a_layer_of_objects(viewer, widget):
    widget.mask.show_button.click()
    assert layer(viewer, "filaments trusted · cells") is not None
    box = widget.objects.source.box
    assert [box.itemText(i) for i in range(box.count())] == ["parts of the mask"]


def test_the_background_of_an_image_between_0_and_1_is_as_exact(viewer, dock, clean):
    small = clean / clean.max()
    add_split(viewer, small)
    widget = dock(viewer, TrustWidget(viewer))
    shown = widget.mask.background.value()
    assert shown == pytest.approx(background_of(small[0]), abs=float(1e-3 * np.ptp(small[0])))


def test_a_split_without_sigma_is_said_to_have_no_mask(viewer, dock, clean):
    add_split(viewer, clean)
    for one in [x for x in viewer.layers if kind_of(x.metadata) == "sigma"]:
        viewer.layers.remove(one)
    widget = dock(viewer, TrustWidget(viewer))
    assert "Needs a split with an uncertainty" in widget.mask.status.text()
    viewer.layers.clear()
    assert not widget.mask.status.text()


def test_a_split_without_sigma_has_objects_of_a_labels_layer(qtbot, viewer, dock, clean):
    add_split(viewer, clean)
    for one in [x for x in viewer.layers if kind_of(x.metadata) == "sigma"]:
        viewer.layers.remove(one)
    widget = dock(viewer, TrustWidget(viewer))
    assert "choose a Labels layer" in widget.objects.panel.hint.text()
    labels = np.zeros(clean.shape[1:], np.int32)
    labels[10:20, 10:30] = 7
    viewer.add_labels(labels, name="my cells")
    widget.objects.source.box.setCurrentText("my cells")
    widget.mask.structure.setCurrentIndex(1)
    finish(qtbot, widget.objects.panel)
    (one,) = widget.objects.found
    assert one.mean == pytest.approx(clean[1, 10:20, 10:30].mean(), rel=1e-4)
    assert widget.objects.table.item(0, 4).text() == "–"
    assert widget.mask.mask is None
    assert not widget.mask.show_button.isEnabled()


def test_an_image_may_be_named_like_a_result(viewer, dock, clean):
    add_split(viewer, clean, name="cells · nuclei")
    widget = dock(viewer, TrustWidget(viewer))
    show_image(widget._viewer, widget.split.chosen, "residual", clean[0], place=PLACE)
    widget.mask.show_button.click()  # hides what shows the same split
    assert not layer(viewer, "residual · cells · nuclei").visible


def test_objects_are_summed_up_and_saved(qtbot, viewer, widget, clean, tmp_path):
    labels = np.zeros(clean.shape[1:], np.int32)
    labels[10:20, 10:30] = 7
    viewer.add_labels(labels, name="my cells")
    widget.objects.source.box.setCurrentText("my cells")
    finish(qtbot, widget.objects.panel)
    assert widget.objects.table.rowCount() == 1
    assert "filaments of cells: 1 object" in widget.objects.panel.status.text()
    widget.objects.save_table(tmp_path / "objects.csv")
    assert widget.objects.panel.status.text().startswith("1 object saved")
    with (tmp_path / "objects.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["label"] == "7"
    assert float(row["low"]) < float(row["mean"]) < float(row["high"])
    assert float(row["mean"]) == pytest.approx(clean[0, 10:20, 10:30].mean(), rel=1e-4)


def test_labels_of_another_shape_are_refused_and_those_that_go_are_forgotten(viewer, widget):
    viewer.add_labels(np.zeros((5, 6), int), name="others")
    widget.objects.source.box.setCurrentText("others")
    assert "labels of the same image" in widget.objects.panel.hint.text()
    viewer.layers.remove("others")
    assert widget.objects.source.box.currentText() == "parts of the mask"
    assert widget.objects.panel.button.isEnabled()


def test_parts_of_the_mask_are_summed_up_although_the_split_goes_meanwhile(qtbot, viewer, widget):
    widget.objects.panel.button.click()
    viewer.layers.clear()
    qtbot.waitUntil(lambda: not widget.objects.panel.is_running, timeout=60_000)
    assert widget.objects.found
    widget.objects.table.cellDoubleClicked.emit(0, 0)  # looks at it without a layer, too
    assert "Split an image first" in widget.objects.panel.hint.text()


def test_a_split_with_several_resolutions_is_taken_at_the_finest(qtbot, viewer, dock, clean):
    add_split(viewer, clean)
    for one in [x for x in viewer.layers if " · " in x.name]:
        levels = [one.data, one.data[..., ::2, ::2]]
        about = {"name": one.name, "metadata": one.metadata, "scale": one.scale}
        viewer.layers.remove(one)
        viewer.add_image(levels, multiscale=True, translate=one.translate, **about)
    widget = dock(viewer, TrustWidget(viewer))
    assert widget.split.chosen.split.n_kept == 6
    widget.mask.show_button.click()
    assert layer(viewer, "filaments trusted · cells").data.shape == clean.shape[1:]
    finish(qtbot, widget.objects.panel)
    assert widget.objects.found


def test_the_most_probable_image_lies_among_the_samples(qtbot, viewer, widget):
    widget.samples.tool.setCurrentText(MODE)
    finish(qtbot, widget.samples.panel)
    mode = layer(viewer, "pits most probable · cells").data
    samples = layer(viewer, "pits answers · cells").data
    assert (mode <= samples.max(axis=0) + 1e-3).all()
    assert (mode >= samples.min(axis=0) - 1e-3).all()


def test_what_is_shown_is_not_added_up_with_what_was_shown_before(qtbot, viewer, widget):
    widget.samples.tool.setCurrentText(MODE)
    finish(qtbot, widget.samples.panel)
    shown = [x.name for x in viewer.layers if x.visible]
    assert shown == ["cells", *(f"{name} most probable · cells" for name in NAMES)]
    widget.mask.show_button.click()
    shown = {x.name for x in viewer.layers if x.visible}
    assert shown == {"cells", "filaments · cells", "filaments trusted · cells"}


def test_the_consensus_becomes_labels_with_a_confidence(qtbot, viewer, widget):
    widget.samples.tool.setCurrentText(CONSENSUS)
    widget.samples.structure.setCurrentText("pits")
    finish(qtbot, widget.samples.panel)
    labels = layer(viewer, "pits consensus · cells").data
    confidence = layer(viewer, "pits confidence · cells").data
    assert labels.max() > 3
    assert (confidence[labels > 0] > 0.5).all()
    assert f"{labels.max()} objects" in widget.samples.panel.status.text()


def test_alternatives_lie_where_the_region_was_drawn(qtbot, viewer, widget):
    widget.samples.tool.setCurrentText(ALTERNATIVES)
    assert "Draw a rectangle" in widget.samples.panel.hint.text()
    # Rows 20 to 40, columns 40 to 72 in world coordinates.
    corners = np.array([[20, 40], [20, 72], [40, 72], [40, 40]]) * (0.5, 0.25) + (3, 4)
    viewer.add_shapes([corners], shape_type="rectangle", name="here")
    widget.samples.region.box.setCurrentText("here")
    finish(qtbot, widget.samples.panel)
    found = [x for x in viewer.layers if "alt 1 (" in x.name]
    assert len(found) == 2
    assert found[0].data.shape == (21, 33)
    assert np.allclose(found[0].translate, (13, 14))
    # Whatever lies below, the drawing too, does not shine through.
    assert found[0].blending == "opaque"
    assert "by chance" in widget.samples.panel.status.text()


def test_with_too_few_samples_it_says_how_to_get_more(viewer, dock, clean):
    add_split(viewer, clean, n_samples=3)
    widget = dock(viewer, TrustWidget(viewer))
    assert "Answers to keep" in widget.samples.panel.hint.text()


def test_of_two_splits_either_can_be_judged_and_one_may_go(viewer, dock, clean, widget):
    add_split(viewer, clean, name="others")
    widget.reset_choices()
    assert [widget.split.box.itemText(i).split()[0] for i in (0, 1)] == ["others", "cells"]
    assert widget.split.chosen.name == "others"
    assert widget.residual.input.layer.name == "others"
    widget.split.box.setCurrentIndex(1)
    widget.split.box.activated.emit(1)
    widget.reset_choices()
    assert widget.split.chosen.name == "cells"
    assert widget.residual.input.layer.name == "cells"
    for one in [x for x in viewer.layers if x.name.startswith("others ·")]:
        viewer.layers.remove(one)
    widget.reset_choices()
    assert widget.split.chosen.name == "cells"


def test_planes_in_time_and_depth_keep_their_order(qtbot, viewer, dock, clean, model_file):
    add_split(viewer, clean)
    stack = [np.stack([x.data] * 3) for x in viewer.layers]
    names = [(x.name, dict(x.metadata)) for x in viewer.layers]
    viewer.layers.clear()
    for data, (name, metadata) in zip(stack, names, strict=True):
        moved = np.moveaxis(data, 0, 1) if data.ndim == 4 else data
        labels = ("time", "y", "x") if data.ndim == 3 else ("sample", "time", "y", "x")
        viewer.add_image(moved, name=name, metadata=metadata, axis_labels=labels)
    widget = dock(viewer, TrustWidget(viewer))
    widget.residual.model.open(model_file)
    finish(qtbot, widget.residual.panel)
    assert layer(viewer, "residual · cells").data.shape == (3, *clean.shape[1:])
    assert widget.residual.check.figures.n_pixels == 3 * clean[0].size


def test_a_real_window_shows_it(qtbot, window, clean, model_file):
    add_split(window, clean)
    widget = open_page(window, "Trust")
    widget.residual.model.open(model_file)
    finish(qtbot, widget.residual.panel)
    widget.mask.show_button.click()
    assert "filaments trusted · cells" in window.layers
