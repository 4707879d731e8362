from __future__ import annotations

import errno
import tempfile

import numpy as np
import pytest
import torch
import typer
from tests.quick_training import quick_training
from tests.stand_in import stand_in

from napari_denoisplit.checkpoint import last_path, read_header
from napari_denoisplit.cli import main
from napari_denoisplit.cli.train import _another_place
from napari_denoisplit.errors import TrainingError
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.noise.files.noise_file import write_noise_model
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.verdict import NoiseRecord, Verdict

__all__ = ["quick_training"]

pytestmark = pytest.mark.usefixtures("quick_training")

SHORT = ("--preset", "tiny", "--steps", "2", "--batch-size", "2", "--device", "cpu")


@pytest.fixture(scope="module")
def channels(tmp_path_factory):
    """One noisy file per structure."""
    folder = tmp_path_factory.mktemp("channels")
    noisy = add_noise(phantom((192, 192), seed=1), seed=1)
    paths = [folder / "nuclei.ome.tif", folder / "actin.ome.tif"]
    for path, data in zip(paths, noisy, strict=True):
        write_image(path, Image(data, "YX"))
    return [str(path) for path in paths]


def train(*words: object) -> int:
    """Exit code of `denoisplit train`."""
    with pytest.raises(SystemExit) as end:
        main(["train", *map(str, words)])
    return int(end.value.code or 0)


def test_two_files_become_a_model_that_splits_an_image(channels, tmp_path, capsys):
    model = tmp_path / "cells.denoisplit"
    assert train(*channels, "-o", model, *SHORT) == 0
    assert str(model) in capsys.readouterr().out
    assert read_header(model).channel_names == ("nuclei", "actin")
    with pytest.raises(SystemExit, match="0"):
        main(["split", str(model), channels[0], "-o", str(tmp_path), "--samples", "2"])
    assert read_image(tmp_path / "nuclei_mmse.ome.tif").shape == (2, 192, 192)


def test_folders_that_memory_does_not_hold_are_read_as_they_are_needed(
    tmp_path, tight, capsys, rng
):
    for name in ("nuclei", "actin"):
        (tmp_path / name).mkdir()
        for i in range(12):
            data = rng.normal(100, 10, (96, 96)).astype(np.float32)
            write_image(tmp_path / name / f"{i}.ome.tif", Image(data, "YX"))
    tight(12 * 96**2 * 8)  # half of what they take
    model = tmp_path / "m.denoisplit"
    settings = (*SHORT, "--patch-size", "64", "--method", "musplit")
    assert train(tmp_path / "nuclei", tmp_path / "actin", "-o", model, *settings) == 0
    assert "they are read as they are needed" in " ".join(capsys.readouterr().err.split())
    assert read_header(model).channel_names == ("nuclei", "actin")


@pytest.fixture
def three(tmp_path):
    """A file of three channels with names."""
    clean = [phantom((192, 192), seed=1), phantom((192, 192), ("pits",), seed=2)]
    noisy = add_noise(np.concatenate(clean), seed=1)
    path = tmp_path / "three.ome.tif"
    write_image(path, Image(noisy, "CYX", channel_names=("DAPI", "GFP", "RFP")))
    return path


def test_of_three_channels_the_chosen_two_are_learned(three, tmp_path):
    model = tmp_path / "cells.denoisplit"
    assert train(three, "-o", model, "--channel", "RFP", "--channel", "1", *SHORT) == 0
    assert read_header(model).channel_names == ("RFP", "DAPI")


def test_a_channel_that_is_not_there_is_told_with_those_that_are(three, tmp_path, capsys):
    assert train(three, "-o", tmp_path / "m.denoisplit", "--channel", "CFP", *SHORT) == 1
    assert "no channel 'CFP': choose one of DAPI, GFP, RFP, 1, 2, 3" in capsys.readouterr().err


def test_names_and_weights_are_kept_in_the_model(channels, tmp_path):
    model = tmp_path / "cells.denoisplit"
    assert train(*channels, "-o", model, "--names", "dna, f-actin", "--weights", "1,2", *SHORT) == 0
    header = read_header(model)
    assert header.channel_names == ("dna", "f-actin")
    assert header.mix.weights == (1.0, 2.0)


def test_names_that_are_too_few_are_told(channels, tmp_path, capsys):
    assert train(*channels, "-o", tmp_path / "m.denoisplit", "--names", "only one", *SHORT) == 1
    assert "1 names (only one) for 2 structures" in capsys.readouterr().err


def test_training_goes_on_where_it_ended(channels, tmp_path):
    model = tmp_path / "cells.denoisplit"
    train(*channels, "-o", model, *SHORT)
    longer = [word if word != "2" or i != 3 else "4" for i, word in enumerate(SHORT)]
    assert train(*channels, "-o", model, "--resume", last_path(model), *longer) == 0


def test_repeats_are_read_from_the_time_axis(channels, tmp_path, capsys):
    model = tmp_path / "cells.denoisplit"
    assert train(*channels, "-o", model, "--repeats", *SHORT) == 1  # single exposures
    assert "T axis" in capsys.readouterr().err
    stacks = [tmp_path / "nuclei.ome.tif", tmp_path / "actin.ome.tif"]
    for path, seed in zip(stacks, (1, 2), strict=True):
        clean = phantom((192, 192), ("pits",), seed=seed)
        exposures = [add_noise(clean, seed=s)[0] for s in range(3)]
        write_image(path, Image(np.stack(exposures), "TYX"))
    assert train(*stacks, "-o", model, "--repeats", *SHORT) == 0


def test_a_model_is_not_overwritten_unasked(channels, tmp_path, capsys):
    model = tmp_path / "cells.denoisplit"
    model.write_bytes(b"hours of work")
    assert train(*channels, "-o", model, *SHORT) == 2
    assert model.read_bytes() == b"hours of work"
    assert "--overwrite" in capsys.readouterr().err


def test_a_noise_model_that_is_not_to_be_used_is_warned_of(channels, tmp_path, capsys):
    verdict = Verdict(grade="do not use", reasons=("The noise is correlated.",))
    model = GaussianMixture(torch.zeros(9, 2), 0.0, 1000.0, 1.0)
    write_noise_model(tmp_path / "bad.json", model.with_record(NoiseRecord(verdict=verdict)))
    write_noise_model(tmp_path / "foreign.npz", model)
    noise = ("--noise-model", tmp_path / "bad.json", "--noise-model", tmp_path / "foreign.npz")
    assert train(*channels, "-o", tmp_path / "m.denoisplit", *noise, *SHORT) == 0
    (warning,) = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert "bad.json: do not use: The noise is correlated." in warning


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("-o", "model.pt"), ".denoisplit"),
        (("-o", "m.denoisplit", "--weights", "a,b"), "--weights"),
        (("-o", "m.denoisplit", "--weights", "1,2,3"), "--weights"),
        (("-o", "m.denoisplit", "--noise-model", "one.npz"), "--noise-model"),
        (("-o", "m.denoisplit", "--minutes", "0"), "minutes"),
        (("-o", "m.denoisplit", "--patch-size", "50"), "patch_size"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_computed(
    channels, tmp_path, monkeypatch, capsys, words, named
):
    monkeypatch.chdir(tmp_path)
    assert train(*channels, *words) == 2
    assert named in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_one_structure_alone_is_learned_to_be_denoised_and_said_so(channels, tmp_path, capsys):
    model = tmp_path / "m.denoisplit"
    assert train(channels[0], "-o", model, *SHORT) == 0
    assert "nuclei is the only structure: the model learns to denoise it" in capsys.readouterr().err
    assert read_header(model).network.n_channels == 1


def test_a_place_that_cannot_be_written_is_refused_before_images_are_read(tmp_path, capsys):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SystemExit) as end:
        main(["train", "absent.tif", "-o", str(tmp_path / "file" / "m.denoisplit")])
    assert end.value.code == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_recorded_superposition_is_learned_from(channels, tmp_path, capsys):
    both = [read_image(path).data.astype("f4") for path in channels]
    recorded, model = tmp_path / "both.ome.tif", tmp_path / "m.denoisplit"
    write_image(recorded, Image(both[0] + both[1] - 20, "YX"))
    assert train(*channels, "--superposition", recorded, "-o", model, *SHORT) == 0
    header = read_header(model)
    assert header.mix.weights == pytest.approx((1, 1), rel=0.01)
    assert "The recorded superpositions are 1 nuclei + 1 actin - 20" in capsys.readouterr().err
    write_image(recorded, Image(both[0][:100], "YX"))
    other = tmp_path / "n.denoisplit"
    assert train(*channels, "--superposition", recorded, "-o", other, *SHORT) == 1
    assert "YX (100, 192)) have 1 planes" in capsys.readouterr().err


def test_folders_of_single_stains_of_any_size_and_number_become_a_model(tmp_path, capsys):
    planes = add_noise(phantom((192, 192), seed=2), seed=2)
    shapes = {"nuclei": [(192, 192), (128, 160)], "actin": [(160, 144)]}
    for c, (name, sizes) in enumerate(shapes.items()):
        (tmp_path / name).mkdir()
        for n, (y, x) in enumerate(sizes):
            write_image(tmp_path / name / f"{n}.ome.tif", Image(planes[c, :y, :x], "YX"))
    model = tmp_path / "m.denoisplit"
    assert train(tmp_path / "nuclei", tmp_path / "actin", "-o", model, *SHORT) == 0
    assert "3 image(s) of nuclei and actin from fields of their own" in capsys.readouterr().err
    assert read_header(model).channel_names == ("nuclei", "actin")


def test_named_settings_are_used_and_info_shows_them(channels, tmp_path, capsys):
    model, file = tmp_path / "m.denoisplit", tmp_path / "settings.toml"
    file.write_text("optimizer = 'adam'\npatch_size = 32\n[network]\nn_filters = 4\n")
    named = ("--set", "loss.beta=0.5", "--set", "network.n_levels=2", "--settings", file)
    assert train(*channels, "-o", model, *SHORT, *named) == 0
    network = read_header(model).network
    assert (network.n_levels, network.n_filters, network.n_latents) == (2, 4, 16)
    capsys.readouterr()
    with pytest.raises(SystemExit, match="0"):
        main(["info", str(model)])
    shown = capsys.readouterr().out
    assert "optimizer adam" in shown
    assert "beta 0.5" in shown
    assert "2 levels, 4 filters" in shown


def test_the_recipe_of_a_paper_is_a_training_of_its_own(channels, tmp_path, capsys):
    model = tmp_path / "m.denoisplit"
    assert train(*channels, "-o", model, *SHORT, "--recipe", "paper", "--patch-size", "32") == 0
    settings = read_header(model).training["settings"]
    assert (settings["schedule"], settings["average_decay"]) == ("plateau", 0)
    assert "preset tiny, recipe of the paper" in capsys.readouterr().err


def test_another_place_is_asked_for_a_model_that_no_disk_took(tmp_path, monkeypatch, capsys):
    model = object()
    (tmp_path / "old.denoisplit").write_text("another")
    names = ("full/m.denoisplit", "old.denoisplit", "m.denoisplit")
    answers = iter([tmp_path / name for name in names])

    def save_model(path, model, *, half=False):
        if path.parent.name == "full":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        path.write_bytes(b"saved")

    stand_in(monkeypatch, "checkpoint", save_model)
    monkeypatch.setattr(typer, "prompt", lambda _: str(next(answers)))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with pytest.raises(TrainingError, match="kept as"):  # nobody is there to be asked
        _another_place(model)
    (rescued,) = temporary.glob("*/model.denoisplit")
    assert rescued.read_bytes() == b"saved"
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **_: str(tmp_path / "full"))
    with pytest.raises(TrainingError, match="lost"):
        _another_place(model)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert _another_place(model) == tmp_path / "m.denoisplit"
    assert "disk is full" in capsys.readouterr().err
    assert (tmp_path / "m.denoisplit").read_bytes() == b"saved"
    assert (tmp_path / "old.denoisplit").read_text() == "another"
