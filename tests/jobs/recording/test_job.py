"""A network with random weights looks, too: what it sees of training images is all it is told."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from tests.plain_batches import plain_batches
from tests.stand_in import stand_in

from napari_denoisplit.checkpoint import Model, ModelHeader
from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.events import Stage, run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.images.plane_region import PlaneRegion
from napari_denoisplit.images.results.record import INPUT_PIXELS, name_of_pixels
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.recording.job import Recording, recording_job
from napari_denoisplit.jobs.recording.windows import windows_of
from napari_denoisplit.jobs.slide.job import split_to_zarr_job
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.trust.likeness import likeness_of, with_likeness
from napari_denoisplit.measures.separation import KEY, judge_separation
from napari_denoisplit.nn.families import network_of
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import (
    Acquisition,
    LadderSettings,
    MixSettings,
    SplitSettings,
    UNetSettings,
)

NETWORK = LadderSettings(n_levels=2, n_filters=12, n_latents=4)
WEIGHTS = (0.5, 0.5)
SIGMA = 90.0
"""Of the noise of all images, grey levels: half of their contrast, about."""
SETTINGS = SplitSettings(n_samples=2, keep_samples=0, device="cpu", precision="float32")


def noisy(seed: int, edge: int = 256) -> np.ndarray:
    return add_noise(phantom((edge, edge), seed=seed), sigma=SIGMA, seed=seed)


def trained_on(fields: list[np.ndarray]) -> Model:
    torch.manual_seed(0)
    masks = [np.ones(field.shape[1:], bool) for field in fields]
    n = Normalization.of(fields, masks, WEIGHTS, ("filaments", "pits"))
    header = ModelHeader(
        network=NETWORK, mix=MixSettings(), normalization=n, channel_names=("filaments", "pits")
    )
    batches = plain_batches(fields, n)
    return with_likeness(Model(VSE(NETWORK).eval(), header), batches, threading.Event())


@pytest.fixture(scope="module")
def model() -> Model:
    return trained_on([noisy(seed, 384) for seed in range(6)])


@pytest.fixture(scope="module")
def recording() -> np.ndarray:
    return superpose(noisy(77, 384), WEIGHTS)


def found(model: Model, pixels: np.ndarray, settings: SplitSettings = SETTINGS):
    image = Image(pixels, "YX", name="dish")
    return run(recording_job(model, image, settings, threading.Event()))


def test_of_its_own_kind_nothing_is_changed(model, recording):
    look = found(model, recording)
    assert look.acquisition.as_trained
    assert look.verdict.grade == "good"
    assert not look.notes


@pytest.mark.parametrize("gain", [3.0, 1 / 3, 0.01])
def test_other_grey_levels_are_found(model, recording, gain):
    look = found(model, gain * recording)
    assert look.acquisition.gain == pytest.approx(gain, rel=0.06)
    assert look.verdict.grade == "good"
    assert f"{look.acquisition.gain:.3g} times" in look.notes[0]


def test_grey_levels_that_no_exposure_brings_about_are_refused(model, recording):
    with pytest.raises(ImageError, match=r"vary .*e\+1\d times as much"):
        found(model, np.float32(1e15) * recording)


@pytest.mark.parametrize("offset", [-1.0, 0.7, 3.0])
def test_an_offset_is_found(model, recording, offset):
    std = model.header.normalization.input_std
    look = found(model, recording + np.float32(offset * std))
    assert look.acquisition.gain == 1
    assert look.acquisition.offset == pytest.approx(offset * std, abs=0.15 * std)


def test_a_smooth_background_is_found(model, recording):
    std = model.header.normalization.input_std
    y, x = np.mgrid[:384, :384] / 384
    haze = std * np.cos(2 * y) * np.sin(1.5 * x)
    look = found(model, (recording + haze).astype(np.float32))
    seen = np.asarray(look.acquisition.background)
    assert seen.shape == (3, 3)
    assert np.ptp(seen) == pytest.approx(np.ptp(haze), rel=0.4)
    assert look.verdict.grade == "usable"
    assert "background" in look.verdict.headline


@pytest.mark.parametrize("region", [None, PlaneRegion.of_slices(slice(64, 256), slice(0, 256))])
@pytest.mark.parametrize("place", ["memory", "disk"])
def test_the_input_of_a_split_is_known_again_by_its_pixels_as_they_were_taken(
    model, recording, tmp_path, place, region
):
    taken = Acquisition(offset=50, background=((0.0, 300.0), (0.0, 300.0)))
    chosen = SETTINGS.model_copy(update={"acquisition": taken})
    image = Image(recording, "YX", name="dish")
    if place == "memory":
        split = run(split_job(model, image, chosen, region=region))
    else:
        split = run(split_to_zarr_job(model, image, tmp_path / "dish.zarr", chosen, region=region))
    seen = image if region is None else region.cut(image)
    assert split.provenance[INPUT_PIXELS] == name_of_pixels(seen.data)


def test_a_background_of_a_narrow_image_is_not_told_from_its_structures(model, recording):
    ramp = model.header.normalization.input_std * np.linspace(-1, 1, 5 * 384, dtype=np.float32)
    narrow = np.concatenate([recording] * 5, axis=1)[:100] + ramp
    assert not found(model, narrow).acquisition.background


def test_a_background_of_a_small_image_is_not_told_from_its_structures(model, recording):
    ramp = model.header.normalization.input_std * np.linspace(-1, 1, 384, dtype=np.float32)
    small = (recording + ramp)[:256, :256]
    assert not found(model, small).acquisition.background


def test_a_first_plane_that_shows_nothing_tells_nothing(model, recording):
    std = model.header.normalization.input_std
    dark = np.zeros_like(recording)
    image = Image(np.stack([dark, *[recording + np.float32(std)] * 2]), "TYX", name="film")
    look = run(recording_job(model, image, SETTINGS, threading.Event()))
    assert look.acquisition.offset == pytest.approx(std, abs=0.3 * std)


def ramp_of(model: Model) -> np.ndarray:
    return model.header.normalization.input_std * np.linspace(-1, 1, 384, dtype=np.float32)


@pytest.mark.parametrize("change", [lambda x, ramp: x + ramp, lambda x, _: 0.7 * x])
def test_planes_that_were_not_taken_alike_are_told(model, recording, change):
    stack = np.stack([[recording, recording], [recording, change(recording, ramp_of(model))]])
    image = Image(stack, "TZYX", name="dish")
    look = run(recording_job(model, image, SETTINGS, threading.Event()))
    assert look.acquisition.as_trained
    assert look.verdict.grade != "good"
    assert "of T 1, Z 1 differ from those of T 0, Z 0" in look.verdict.reasons[0]
    assert "of T 1, Z 1" in look.notes[-1]


@pytest.mark.parametrize(
    "change",
    [lambda x, ramp: x + ramp, lambda x, ramp: x + ramp.max(), lambda x, _: 0.7 * x],
    ids=["haze", "offset", "exposure"],
)
@pytest.mark.parametrize("odd", [1, 20])
def test_one_odd_plane_of_many_is_told(model, recording, change, odd):
    stack = np.stack([np.roll(recording, (37 * n, 53 * n), (0, 1)) for n in range(30)])
    stack[odd] = change(stack[odd], ramp_of(model))
    image = Image(stack, "ZYX", name="dish")
    look = run(recording_job(model, image, SETTINGS, threading.Event()))
    assert f"of Z {odd} differ from those of Z 0" in look.verdict.reasons[0]


def test_planes_that_stand_out_are_read(recording, rng):
    stack = np.stack([np.roll(recording, (37 * n, 53 * n), (0, 1)) for n in range(40)])
    stack[11] = gaussian_filter(stack[11], 4)
    stack[21] *= 1.3
    stack[32] += rng.normal(0, SIGMA, recording.shape).astype(np.float32)
    read = np.unique(windows_of(Image(stack, "TYX")).plane)
    assert len(read) == 8
    assert {0, 11, 13, 21, 26, 32, 39} <= set(read.tolist())


def test_a_plane_that_stands_out_is_read_though_a_part_of_it_is_missing(recording):
    stack = np.stack([np.roll(recording, (37 * n, 53 * n), (0, 1)) for n in range(40)])
    stack[17] *= 3
    stack[17, 90:100, 90:100] = np.nan
    stack[23, :40] *= 5  # nothing but its first rows
    stack[30] = np.nan
    read = np.unique(windows_of(Image(stack, "TYX")).plane)
    assert {17, 23} <= set(read.tolist())
    assert len(read) == 8


def test_an_odd_plane_stands_out_among_large_ones(recording):
    tile = np.tile(recording, (1, 7, 7))  # 2,688 pixels: more than a glance reads
    stack = np.repeat(tile, 20, axis=0)
    stack[17] *= 1.5
    read = np.unique(windows_of(Image(stack, "ZYX")).plane)
    assert len(read) == 8
    assert 17 in read


def test_each_plane_of_a_stack_is_read_once_for_a_glance(recording):
    class Counted:
        def __init__(self, array):
            self.array, self.reads = array, 0
            self.shape, self.ndim, self.dtype = array.shape, array.ndim, array.dtype

        def __getitem__(self, key):
            self.reads += 1
            return self.array[key]

    stack = Counted(np.stack([recording] * 300))
    windows = windows_of(Image(stack, "TYX"))
    assert stack.reads <= 104 + len(windows.pixels)


def test_planes_of_one_kind_and_one_haze_are_alike(model, recording):
    planes = np.stack([recording, recording[::-1], recording[:, ::-1]]) + ramp_of(model)
    look = run(recording_job(model, Image(planes, "TYX", name="dish"), SETTINGS, threading.Event()))
    assert look.acquisition.background
    assert not any("alike" in reason for reason in look.verdict.reasons)


def test_a_border_changes_nothing(model, recording):
    shifted = recording + np.float32(20_000)
    shifted[:3], shifted[-3:], shifted[:, :3], shifted[:, -3:] = 0, 0, 0, 0
    std = model.header.normalization.input_std
    look = found(model, shifted)
    assert look.acquisition.offset == pytest.approx(20_000, abs=0.15 * std)
    assert not look.acquisition.background


def test_a_plane_narrower_than_a_window_is_taken_as_it_is(model, recording):
    look = found(model, recording[:3])
    assert look.acquisition.as_trained
    assert not look.looked


def test_an_offset_of_a_narrow_image_is_found(model, recording):
    std = model.header.normalization.input_std
    image = np.concatenate([recording, recording], axis=1)[:100] + np.float32(2 * std)
    assert found(model, image).acquisition.offset == pytest.approx(2 * std, abs=0.4 * std)


@pytest.mark.parametrize("edge", [128, 200, 256])
def test_an_offset_of_a_small_image_is_found(model, recording, edge):
    std = model.header.normalization.input_std
    image = (recording + np.float32(2 * std))[:edge, :edge]
    assert found(model, image).acquisition.offset == pytest.approx(2 * std, abs=0.4 * std)


def test_less_noise_is_no_gain(model):
    clean = superpose(phantom((384, 384), seed=77), WEIGHTS)
    quiet = clean + (superpose(noisy(77, 384), WEIGHTS) - clean) / 2
    look = found(model, quiet)
    assert look.acquisition.gain == 1
    assert look.verdict.grade == "good"


def test_much_more_noise_is_told(model, recording, rng):
    std = model.header.normalization.input_std
    look = found(model, recording + rng.normal(0, 2 * std, recording.shape).astype(np.float32))
    assert look.verdict.grade == "do not use"
    assert "Its noise is" in look.verdict.headline


def test_another_kind_of_image_is_told(model, recording, rng):
    std = float(recording.std())
    board = np.indices(recording.shape).sum(axis=0) // 5 % 2
    strange = recording.mean() + std * (2 * board - 1) + rng.normal(0, std, recording.shape)
    look = found(model, strange.astype(np.float32))
    assert look.verdict.grade != "good"


def test_hot_pixels_are_no_other_kind(model, recording, rng):
    hot = recording.copy()
    hot[tuple(rng.integers(0, 384, (2, 100)))] += 20 * recording.std()
    look = found(model, hot)
    assert look.acquisition.as_trained
    assert look.verdict.grade == "good"


def test_clipped_pixels_change_nothing(model, recording):
    plain, look = (
        found(model, recording),
        found(model, np.maximum(recording, np.percentile(recording, 15))),
    )
    assert look.acquisition == plain.acquisition
    assert look.verdict.figures == pytest.approx(plain.verdict.figures, rel=0.2)


def test_clipped_pixels_are_known_beside_a_background(model, recording):
    hazy = recording + ramp_of(model)
    plain, look = found(model, hazy), found(model, np.maximum(hazy, np.percentile(hazy, 15)))
    assert look.acquisition.background
    for name in ("noise", "shift"):
        assert look.verdict.figures[name] < plain.verdict.figures[name] + 0.5
    assert look.verdict.figures["noise"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("order", [1, -1])
def test_clipped_planes_are_known_beside_others(model, recording, order):
    planes = [recording, np.maximum(recording, np.percentile(recording, 30))][::order]
    look = run(recording_job(model, Image(np.stack(planes), "TYX"), SETTINGS, threading.Event()))
    assert look.acquisition.as_trained
    assert look.verdict.figures["noise"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("share", "grade"), [(0.004, "good"), (0.03, "usable"), (0.2, "do not use")]
)
def test_saturated_pixels_are_told(model, recording, share, grade):
    top = np.quantile(recording, 1 - share).round()
    look = found(model, np.minimum(recording, top).round())
    assert look.verdict.grade == grade
    told = "pixels are saturated at" in look.verdict.reasons[0]  # of the only plane
    assert told == (grade != "good")
    if told:
        assert look.verdict.figures["saturated"] == pytest.approx(share, rel=0.2)
        assert f"saturated at {top:g}" in look.verdict.reasons[0]


def saturated(recording: np.ndarray, share: float = 0.1) -> np.ndarray:
    return np.minimum(recording, np.quantile(recording, 1 - share)).round()


def test_one_saturated_plane_is_told_and_named(model, recording):
    stack = np.stack([recording] * 3).round()
    stack[1] = saturated(recording, 0.03)
    look = run(recording_job(model, Image(stack, "TYX"), SETTINGS, threading.Event()))
    assert "3% of the pixels of T 1 are saturated" in look.verdict.headline


def test_saturation_is_told_below_hot_pixels_and_in_flat_windows(model, recording):
    clipped = saturated(recording)
    top = clipped.max()
    clipped[::40, 7] = 3 * top
    clipped[64:256, 64:256] = top
    look = found(model, clipped)
    share = (clipped >= top).mean()
    assert look.verdict.figures["saturated"] == pytest.approx(share, rel=0.01)
    assert f"saturated at {top:g}" in look.verdict.reasons[0]


def test_a_bright_frame_neither_is_saturated_nor_hides_what_is(model, recording):
    for pixels, is_told in ((recording.round(), False), (saturated(recording), True)):
        framed = np.pad(pixels, 20, constant_values=65535)
        assert ("saturated" in found(model, framed).verdict.figures) == is_told


def test_saturation_of_a_narrow_image_is_told(model, recording):
    look = found(model, saturated(recording)[:60])
    assert "are saturated" in look.verdict.headline
    assert look.notes == (look.verdict.headline,)
    assert found(model, recording[:60].round()).verdict is None


def test_who_trained_on_clipped_images_splits_such():
    dark = np.percentile(noisy(0), 50, axis=(1, 2), keepdims=True).astype(np.float32)
    *fields, channels = (np.maximum(noisy(seed, 384), dark) for seed in range(7))
    model, recording = trained_on(fields), superpose(channels, WEIGHTS)
    std = np.float32(model.header.normalization.input_std)
    brighter = found(model, recording + std)
    assert brighter.acquisition.offset == pytest.approx(std, rel=0.1)
    plain = found(model, recording)
    assert plain.acquisition.as_trained
    assert plain.verdict.grade == "good"
    assert plain.verdict.figures["noise"] == pytest.approx(1, abs=0.05)
    assert plain.verdict.figures["shift"] < 2


@pytest.mark.parametrize("axis", [0, 1])
def test_weak_stripes_are_no_other_kind(model, recording, rng, axis):
    stripes = np.expand_dims(rng.normal(0, 0.3 * SIGMA / np.sqrt(2), 384), axis)
    plain, look = found(model, recording), found(model, (recording + stripes).astype(np.float32))
    assert look.acquisition.as_trained
    assert look.verdict.figures["shift"] < plain.verdict.figures["shift"] + 0.2


def test_a_recording_out_of_focus_is_told(model, rng):
    clean = superpose(phantom((384, 384), seed=77), WEIGHTS)
    noise = rng.normal(0, SIGMA / np.sqrt(2), clean.shape)
    sharp, blurred = (
        found(model, (image + noise).astype(np.float32)).verdict
        for image in (clean, gaussian_filter(clean, 4))
    )
    assert sharp.figures["detail"] == pytest.approx(1, abs=0.2)
    assert sharp.grade == "good"
    assert blurred.grade != "good"
    assert any("out of focus" in reason for reason in blurred.reasons)


def test_one_plane_out_of_focus_is_told(model, recording, rng):
    noise = rng.normal(0, SIGMA / np.sqrt(2), recording.shape)
    clean = superpose(phantom((384, 384), seed=77), WEIGHTS)
    blurred = (gaussian_filter(clean, 4) + noise).astype(np.float32)
    stack = Image(np.stack([recording, recording, blurred]), "ZYX", name="dish")
    look = run(recording_job(model, stack, SETTINGS, threading.Event()))
    assert any("out of focus" in reason for reason in look.verdict.reasons)


def test_what_is_known_is_not_estimated(model, recording):
    known = Acquisition(gain=2)
    chosen = SETTINGS.model_copy(update={"acquisition": known})
    assert found(model, 2 * recording, chosen).acquisition == known


def test_grey_levels_are_kept_on_request(model, recording):
    chosen = SETTINGS.model_copy(update={"grey_levels": "kept"})
    look = found(model, 3 * recording, chosen)
    assert look.acquisition.as_trained
    assert look.verdict.grade != "good"


def test_a_model_that_knows_no_likeness_takes_an_image_as_it_is(model, recording):
    ignorant = replace(model, header=model.header.model_copy(update={"training": {}}))
    look = found(ignorant, 3 * recording)
    assert look.acquisition.as_trained
    assert look.verdict is None


def test_a_mosaic_is_judged_by_what_it_shows(model, recording):
    padded = np.zeros((768, 768), np.float32)
    padded[:384, :384] = 3 * recording
    assert found(model, padded).acquisition.gain == pytest.approx(3, rel=0.05)


def test_a_split_of_a_stretched_image_is_the_stretched_split(model, recording):
    taken = Acquisition(gain=3, offset=50)
    plain = run(split_job(model, Image(recording, "YX"), SETTINGS))
    chosen = SETTINGS.model_copy(update={"acquisition": taken})
    stretched = run(split_job(model, Image(3 * recording + 50, "YX"), chosen))
    np.testing.assert_allclose(stretched.mmse.data, 3 * plain.mmse.data, rtol=1e-3, atol=0.5)
    np.testing.assert_allclose(stretched.sigma.data, 3 * plain.sigma.data, rtol=1e-2, atol=0.5)
    assert stretched.provenance["acquisition"]["gain"] == 3


def test_a_likeness_outlives_its_file(model):
    likeness = likeness_of(model.header)
    assert likeness is not None
    again = likeness_of(ModelHeader.model_validate_json(model.header.model_dump_json()))
    assert again == likeness


def test_a_split_to_disk_is_matched_and_goes_on_with_what_was_estimated(
    model, recording, tmp_path, monkeypatch
):
    image = Image(3 * recording, "YX", name="dish")
    inside = run(split_job(model, image, SETTINGS))
    begun = run(split_to_zarr_job(model, image, tmp_path / "dish.zarr", SETTINGS))
    np.testing.assert_allclose(begun.read_mmse(()), inside.read_mmse(()), rtol=1e-3, atol=1)
    assert begun.provenance["acquisition"] == inside.provenance["acquisition"]

    def estimate(normalization, likeness, windows):
        raise AssertionError("estimated again")

    stand_in(monkeypatch, "jobs.recording.job", estimate)
    again = run(split_to_zarr_job(model, image, tmp_path / "dish.zarr", SETTINGS))
    assert again.provenance["acquisition"] == inside.provenance["acquisition"]


def test_a_stop_ends_the_look_at_a_recording_and_begins_nothing_on_disk(model, recording, tmp_path):
    stop = threading.Event()
    image = Image(3 * recording, "YX", name="dish")

    def stop_at(event):
        if isinstance(event, Stage) and event.text.startswith("Looking at"):
            stop.set()

    split = run(split_job(model, image, SETTINGS, stop=stop), stop_at)
    assert (split.n_samples, split.stopped_early) == (0, True)
    path = tmp_path / "dish.zarr"
    with pytest.raises(JobError, match="Stopped before a block"):
        run(split_to_zarr_job(model, image, path, SETTINGS, stop=stop), stop_at)
    assert not path.exists()


def with_pixels(of: Model, micrometres: float) -> Model:
    """Let a model know the size of the pixels that it was trained on."""
    header = of.header.model_copy(
        update={"pixel_size": dict.fromkeys("YX", micrometres), "units": dict.fromkeys("YX", "µm")}
    )
    return replace(of, header=header)


def judged(of: Model, nanometres: float) -> Recording:
    """Look at a recording of the model's own kind with pixels of that size."""
    pixels = superpose(noisy(30, 512), WEIGHTS)
    return run(recording_job(of, image_of(pixels, nanometres), SETTINGS, threading.Event()))


def image_of(pixels: np.ndarray, nanometres: float) -> Image:
    """Give pixels a size."""
    size, units = dict.fromkeys("YX", nanometres), dict.fromkeys("YX", "nm")
    return Image(pixels, "YX", size, units, name="cells")


@pytest.mark.parametrize(
    ("nanometres", "grade", "says"),
    [
        (330, "good", "looks like"),
        (410, "usable", "Take it with pixels of that size"),
        (430, "usable", "enlarged 2 times"),
        (650, "usable", "enlarged 2 times"),
        (1300, "do not use", "enlarged 2 times"),
        (220, "usable", "Resample it to that"),
        (60, "do not use", "5.4 times as large"),
    ],
)
def test_pixels_of_another_size_are_told(model: Model, nanometres, grade, says):
    found = judged(with_pixels(model, 0.325), nanometres).verdict
    assert found.grade == grade
    assert says in found.reasons[0]


@pytest.mark.parametrize("place", ["memory", "disk"])
def test_larger_pixels_are_split_as_the_model_knows_them(model, recording, tmp_path, place):
    image = image_of(recording, 650)
    known = with_pixels(model, 0.325)
    if place == "memory":
        split = run(split_job(known, image, SETTINGS))
    else:
        split = run(split_to_zarr_job(known, image, tmp_path / "dish.zarr", SETTINGS))
    taken = split.provenance["acquisition"]
    assert taken["magnification"] == 2
    large = F.interpolate(torch.from_numpy(recording)[None, None], scale_factor=2, mode="bilinear")
    as_trained = SETTINGS.model_copy(
        update={"acquisition": Acquisition(**taken | {"magnification": 1})}
    )
    whole = run(split_job(model, Image(large[0, 0].numpy(), "YX"), as_trained))
    halved = whole.mmse.data.reshape(2, 384, 2, 384, 2).mean((2, 4))
    np.testing.assert_allclose(split.read_mmse(()), halved, rtol=1e-3, atol=1)


def test_larger_pixels_are_kept_on_request_and_where_the_network_cannot_see_them_so(
    model, recording
):
    known = with_pixels(model, 0.325)
    kept = SETTINGS.model_copy(update={"grey_levels": "kept"})
    look = run(recording_job(known, image_of(recording, 650), kept, threading.Event()))
    assert look.acquisition.as_trained
    unet = network_of(UNetSettings(n_levels=2, n_filters=4))
    header = known.header.model_copy(update={"network": unet.settings, "training": {}})
    other = replace(known, network=unet, header=header)
    look = run(recording_job(other, image_of(recording, 650), SETTINGS, threading.Event()))
    assert look.acquisition.magnification == 1
    asked = SETTINGS.model_copy(update={"acquisition": Acquisition(magnification=2)})
    with pytest.raises(JobError, match="cannot see images enlarged"):
        run(split_job(other, image_of(recording, 650), asked))


def test_pixels_of_another_size_are_told_by_a_model_that_knows_nothing_else(model: Model):
    known = with_pixels(model, 0.325)
    bare = replace(known, header=known.header.model_copy(update={"training": {}}))
    assert judged(bare, 325).verdict is None
    assert judged(bare, 650).verdict.grade == "usable"


@pytest.mark.parametrize("known", ["alone", "with what its own kind looks like"])
def test_no_recording_is_better_than_the_model_keeps_structures_apart(model: Model, known):
    verdict = judge_separation(("filaments", "pits"), np.array([[0.2, 0.1], [0.1, 0.9]]))
    training = {KEY: verdict.model_dump(mode="json")}
    if known != "alone":
        training |= model.header.training
    header = model.header.model_copy(update={"training": training})
    found = judged(replace(model, header=header), 325).verdict
    assert found.grade == "do not use"
    assert "20% of the contrast of filaments" in found.reasons[0]


def test_what_the_model_cannot_do_is_told_before_what_is_strange(model, recording):
    verdict = judge_separation(("filaments", "pits"), np.array([[0.2, 0.1], [0.1, 0.9]]))
    training = {**model.header.training, KEY: verdict.model_dump(mode="json")}
    header = model.header.model_copy(update={"training": training})
    blinded = gaussian_filter(recording, 6)  # of no kind that it knows
    look = found(replace(model, header=header), blinded)
    assert look.verdict.grade == "do not use"
    assert "20% of the contrast of filaments" in look.verdict.reasons[0]
    assert any("does not look like" in reason for reason in look.verdict.reasons)
