from __future__ import annotations

import json

import pytest
import torch
from scipy import ndimage

from napari_denoisplit.checkpoint import Model, ModelHeader, read_header, save_model
from napari_denoisplit.cli import main
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.lock import locked
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import LadderSettings, MixSettings

NETWORK = LadderSettings(n_levels=1, n_filters=4, n_latents=2)
OPTIONS = ["--samples", "5", "--device", "cpu"]


@pytest.fixture
def files(tmp_path, rng):
    torch.manual_seed(0)
    header = ModelHeader(
        network=NETWORK,
        mix=MixSettings(),
        normalization=Normalization(
            input_mean=0.0, input_std=1.0, channel_means=(0.0, 0.0), channel_stds=(1.0, 1.0)
        ),
        channel_names=("nuclei", "actin"),
    )
    save_model(tmp_path / "m.denoisplit", Model(VSE(NETWORK).eval(), header))
    clean = 3 * ndimage.gaussian_filter(rng.normal(size=(2, 128, 128)), (0, 3, 3))
    for name, data in (("clean", clean), ("noisy", clean + rng.normal(size=clean.shape))):
        image = Image(data.astype("f4"), "CYX", channel_names=("nuclei", "actin"))
        write_image(tmp_path / f"{name}.ome.tif", image)
    return tmp_path


def run_command(*words) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["calibrate", *map(str, words)])
    return ended.value.code


def test_a_calibration_is_written_into_the_model_with_its_origin(files, capsys):
    code = run_command(
        files / "m.denoisplit", files / "noisy.ome.tif", "--clean", files / "clean.ome.tif",
        "--table", files / "points.csv", "--anyway", *OPTIONS,
    )  # fmt: skip
    assert code in (0, 3)
    record = read_header(files / "m.denoisplit").calibration
    assert (record.target, record.n_samples) == ("clean", 5)
    assert record.data[0].startswith("noisy")
    assert (files / "points.csv").exists()
    out = capsys.readouterr().out
    assert "nuclei" in out
    assert "m.denoisplit" in out


def test_the_model_can_be_left_and_the_findings_read_by_a_program(files, capsys):
    before = (files / "m.denoisplit").read_bytes()
    run_command(
        files / "m.denoisplit", files / "noisy.ome.tif", "--clean", files / "clean.ome.tif",
        "-o", files / "other.denoisplit", "--anyway", "--json", "--method", "variance", *OPTIONS,
    )  # fmt: skip
    assert (files / "m.denoisplit").read_bytes() == before
    facts = json.loads(capsys.readouterr().out)
    factors = read_header(files / "other.denoisplit").calibration.factors
    assert [c["factors"]["variance"] for c in facts["channels"]] == pytest.approx(factors)
    assert set(facts["channels"][0]["by_samples"]) == {"2", "5"}


def test_what_has_no_place_is_refused_before_the_work(files, capsys):
    words = files / "m.denoisplit", files / "noisy.ome.tif", *OPTIONS
    table = files / "noisy.ome.tif" / "points.csv"
    assert run_command(*words, "--table", table) not in (0, 3)
    assert f"{table} cannot be written" in capsys.readouterr().err


def test_a_calibration_can_be_judged_on_other_images(files, capsys, rng):
    clean = 3 * ndimage.gaussian_filter(rng.normal(size=(2, 128, 128)), (0, 3, 3))
    for name, data, axes in (
        ("other", clean, "CYX"),
        ("mixed", clean.mean(axis=0) + rng.normal(size=clean.shape[1:]), "YX"),
    ):
        write_image(files / f"{name}.ome.tif", Image(data.astype("f4"), axes))
    run_command(
        files / "m.denoisplit", files / "noisy.ome.tif", "--clean", files / "clean.ome.tif",
        "--report-clean", files / "other.ome.tif",
        "--report-superposition", files / "mixed.ome.tif", "--anyway", *OPTIONS,
    )  # fmt: skip
    record = read_header(files / "m.denoisplit").calibration
    assert (record.data[0][:5], record.judged_on[0][:5]) == ("noisy", "other")
    assert record.scores[0].n_pixels == 128 * 128
    assert "Judged on other images" in capsys.readouterr().out


def test_structures_in_another_order_than_the_model_s_are_refused(files, capsys, rng):
    data = rng.normal(size=(2, 128, 128)).astype("f4")
    image = Image(data, "CYX", channel_names=("actin", "nuclei"))
    write_image(files / "swapped.ome.tif", image)
    assert run_command(files / "m.denoisplit", files / "swapped.ome.tif", *OPTIONS) not in (0, 3)
    assert "in the order of the model" in capsys.readouterr().err


def test_info_tells_of_the_calibration(files, capsys):
    run_command(
        files / "m.denoisplit", files / "noisy.ome.tif", "--clean", files / "clean.ome.tif",
        "--anyway", *OPTIONS,
    )  # fmt: skip
    capsys.readouterr()
    with pytest.raises(SystemExit, match="0"):
        main(["info", str(files / "m.denoisplit")])
    assert "from clean images, 5 samples" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["m.denoisplit"], "nothing to compare with"),
        (["m.denoisplit", "noisy.ome.tif", "-o", "m.pt"], "Model files end in .denoisplit"),
        (["m.denoisplit", "noisy.ome.tif", "--report-clean", "clean.ome.tif"], "--report-on"),
    ],
)
def test_a_call_that_cannot_work_is_refused_before_anything_is_read(files, capsys, words, message):
    words = [files / w if "." in w else w for w in words]
    assert run_command(*words) == 2
    assert message in capsys.readouterr().err


def test_a_model_that_another_run_is_writing_is_left_to_it(files, capsys):
    before = (files / "m.denoisplit").read_bytes()
    with locked(files / "m.denoisplit"):
        code = run_command(files / "m.denoisplit", files / "noisy.ome.tif", "--anyway", *OPTIONS)
    assert code == 1
    assert "m.denoisplit is being written by process" in capsys.readouterr().err
    assert (files / "m.denoisplit").read_bytes() == before
