from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import ndimage
from tests.stand_in import stand_in

from napari_denoisplit.cli import main
from napari_denoisplit.events import Stage
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.jobs.noise.job import Judged, NoiseFit
from napari_denoisplit.noise.files.noise_file import read_noise_model, write_noise_model
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.verdict import NoiseRecord, Verdict

VERDICTS = {
    "good": Verdict(grade="good", reasons=("It fits.",), figures={"pit": 0.01}),
    "usable": Verdict(grade="usable", reasons=("Few pixels.",)),
    "bad": Verdict(grade="do not use", reasons=("The noise is correlated.",)),
}


def mixture() -> GaussianMixture:
    return GaussianMixture(torch.zeros(9, 2), 0.0, 1000.0, 1.0)


def curves(nll: float = 4.0) -> SimpleNamespace:
    return SimpleNamespace(nll=nll, gaussian_nll=float("nan"), coverage=0.9)


@pytest.fixture
def jobs(monkeypatch):
    """Jobs that only take down what they are asked for; images named by a grade get it."""
    asked = []
    pairs = SimpleNamespace(signal=np.zeros(1234), notes=("It drifts.",))

    def fit_noise_job(data, settings=None, *, denoise=None, stop=None):
        asked.append(SimpleNamespace(data=data, settings=settings, denoise=denoise))
        yield Stage("Fitting")
        if data.name == "broken":
            raise OSError("no pixel can be read")
        verdict = VERDICTS.get(data.name, VERDICTS["good"])
        record = NoiseRecord(name=data.name, source=data.source, verdict=verdict)
        return NoiseFit(
            model=mixture().with_record(record),
            curves=curves(),
            pairs=pairs,
            candidates={"2 Gaussians": 4.1, "3 Gaussians": 4.0},
            denoised=None,
        )

    def gather_job(data, settings, *, denoise=None, stop=None):
        asked.append(SimpleNamespace(data=data, settings=settings, denoise=denoise))
        yield Stage("Gathering")
        return pairs, None

    def judge_noise_job(model, pairs):
        yield Stage("Judging")
        verdict = VERDICTS[model.record.name]
        return Judged(curves(4.0 if verdict.grade == "good" else 4.5), verdict)

    def save_noise_picture(path, curves, verdict, title):
        path.write_text(title)

    stand_in(monkeypatch, "jobs.noise.job", fit_noise_job, gather_job, judge_noise_job)
    stand_in(monkeypatch, "jobs.noise.picture", save_noise_picture)
    return asked


def written(folder, name: str, axes: str = "YX", channels: tuple[str, ...] = ()) -> str:
    """File of a small image."""
    sizes = {"T": 3, "C": len(channels) or 2, "Z": 2, "Y": 20, "X": 30}
    data = np.ones([sizes[axis] for axis in axes], "u2")
    path = folder / f"{name}.ome.tif"
    write_image(path, Image(data, axes, channel_names=channels))
    return str(path)


def noise(*words: object) -> int:
    """Exit code of `denoisplit noise`."""
    with pytest.raises(SystemExit) as end:
        main(["noise", *map(str, words)])
    return int(end.value.code or 0)


def test_a_model_is_fitted_written_and_told_with_its_verdict(jobs, tmp_path, capsys):
    file = tmp_path / "camera.npz"
    assert noise(written(tmp_path, "field"), "-o", file) == 0
    assert read_noise_model(file).record.verdict == VERDICTS["good"]
    told = capsys.readouterr()
    for words in ("3 Gaussians, 2 coefficients", "1,234 pixels", "good", "It fits.", str(file)):
        assert words in told.out
    assert told.out.index("4.0000  3 Gaussians") < told.out.index("4.1000  2 Gaussians")
    assert "'single', as neither --clean nor --repeats was given" in told.err
    assert "It drifts." not in told.out


def test_each_channel_gets_a_model_and_a_picture_named_after_it(jobs, tmp_path):
    image = written(tmp_path, "cells", "TCYX", ("dna", "actin"))
    assert noise(image, "--repeats", "-o", tmp_path / "m.npz", "--picture", tmp_path / "p.svg") == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "cells.ome.tif",
        *("m-dna.npz", "m-actin.npz", "p-dna.svg", "p-actin.svg"),
    }
    assert [job.data.source for job in jobs] == ["repeats", "repeats"]
    assert jobs[0].data.observation.shape == (3, 20, 30)


def test_chosen_channels_alone_get_a_model_in_the_order_given(jobs, tmp_path):
    cells = written(tmp_path, "cells", "CYX", ("dna", "actin", "er"))
    assert noise(cells, "--channel", "er", "--channel", "1", "-o", tmp_path / "m.npz") == 0
    assert sorted(path.name for path in tmp_path.glob("*.npz")) == ["m-dna.npz", "m-er.npz"]
    assert noise(cells, "--channel", "2", "-o", tmp_path / "one.npz") == 0
    assert (tmp_path / "one.npz").exists()


def test_settings_region_and_clean_image_reach_the_job(jobs, tmp_path):
    noisy, clean = written(tmp_path, "noisy", "ZYX"), written(tmp_path, "clean", "ZYX")
    words = ("--gaussians", "5", "--max-pixels", "20000", "--minutes", "0.5", "--seed", "7")
    region = ("--region", "5:15,:20")
    assert noise(noisy, "--clean", clean, "-o", tmp_path / "m.json", *words, *region) == 0
    (job,) = jobs
    assert (job.settings.n_gaussians, job.settings.max_pixels, job.settings.seed) == (5, 20000, 7)
    assert job.denoise.minutes == 0.5
    assert job.data.source == "pairs"
    assert job.data.observation.shape == job.data.signal.shape == (2, 10, 20)


def test_the_name_of_the_model_chooses_the_kind(jobs, tmp_path):
    image = written(tmp_path, "field")
    for name, kind in (("m.npz", "gaussian_mixture"), ("m.json", "gaussian_mixture")):
        noise(image, "-o", tmp_path / name)
        assert jobs[-1].settings.kind == kind
    noise(image, "-o", tmp_path / "m.npy")
    assert jobs[-1].settings.kind == "histogram"


def test_options_of_a_mixture_are_refused_beside_another_kind(jobs, tmp_path, capsys):
    for kind, option in (("poisson_gaussian", "--gaussians"), ("correlated", "--coefficients")):
        words = ("--kind", kind, option, "3", "-o", tmp_path / "m.json")
        assert noise(written(tmp_path, "field"), *words) == 2
        assert f"{kind} is to be fitted" in capsys.readouterr().err
    assert not jobs


def test_exposures_in_files_of_their_own_are_taken_together(jobs, tmp_path):
    images = [written(tmp_path, name) for name in ("a", "b", "c")]
    assert noise(*images, "--together", "--repeats", "-o", tmp_path / "m.npz") == 0
    (job,) = jobs
    assert job.data.observation.shape == (3, 20, 30)
    assert job.data.files == tuple(images)


def test_a_time_axis_is_pointed_out_where_it_may_hold_repeats(jobs, tmp_path, capsys):
    noise(written(tmp_path, "film", "TYX"), "-o", tmp_path / "m.npz")
    assert "--repeats" in capsys.readouterr().err.partition("as neither")[2].partition(".")[2]


def test_json_holds_everything_and_no_nan(jobs, tmp_path, capsys):
    noise(written(tmp_path, "field"), "-o", tmp_path / "m.npz", "--json")
    (found,) = json.loads(capsys.readouterr().out)
    assert found["kind"] == "gaussian_mixture"
    assert found["numbers"] == {"Gaussians": 3, "coefficients": 2}
    assert found["candidates"] == {"2 Gaussians": 4.1, "3 Gaussians": 4.0}
    assert found["gaussian_nll"] is None
    assert found["verdict"]["grade"] == "good"
    assert found["notes"] == ["It drifts."]


@pytest.mark.parametrize(
    ("image", "required", "code"),
    [("bad", None, 0), ("usable", "usable", 0), ("usable", "good", 3), ("bad", "usable", 3)],
)
def test_a_bad_verdict_is_no_error_unless_a_better_one_is_required(
    jobs, tmp_path, image, required, code
):
    file = tmp_path / "m.npz"
    words = ("--require", required) if required else ()
    assert noise(written(tmp_path, image), "-o", file, *words) == code
    assert file.exists() == (code == 0)


def test_a_channel_that_fails_does_not_keep_the_others_from_being_fitted(jobs, tmp_path, capsys):
    images = [written(tmp_path, name) for name in ("broken", "field")]
    assert noise(*images, "-o", tmp_path / "m.npz") == 1
    assert "broken: FAILED: no pixel can be read" in capsys.readouterr().err
    assert (tmp_path / "m-field.npz").exists()
    assert noise(images[0], "-o", tmp_path / "m.npz") == 1
    assert "error: no pixel can be read" in capsys.readouterr().err


@pytest.fixture
def models(tmp_path):
    """Two noise models, named by the verdict that they will get."""
    paths = {}
    for name in ("good", "bad"):
        paths[name] = tmp_path / f"{name}-model.npz"
        write_noise_model(paths[name], mixture().with_record(NoiseRecord(name=name)))
    return paths


def test_a_model_is_judged_without_a_fit_and_without_being_touched(jobs, models, tmp_path, capsys):
    before = models["bad"].read_bytes()
    assert noise(written(tmp_path, "field"), "--check", models["bad"]) == 0
    assert "do not use" in capsys.readouterr().out
    assert models["bad"].read_bytes() == before


def test_a_judged_model_may_be_written_with_its_verdict(jobs, models, tmp_path):
    file = tmp_path / "judged.json"
    assert noise(written(tmp_path, "field"), "--check", models["good"], "-o", file) == 0
    assert read_noise_model(file).record.verdict == VERDICTS["good"]


def test_models_are_compared_on_the_same_pixels(jobs, models, tmp_path, capsys):
    checks = ("--check", models["bad"], "--check", models["good"])
    assert noise(written(tmp_path, "field"), *checks) == 0
    assert len(jobs) == 1
    table = capsys.readouterr().out.partition("same pixels")[2]
    assert table.index(models["good"].name) < table.index(models["bad"].name)
    assert "+0.5000" in table


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), "--output"),
        (("-o", "m.txt"), ".npz"),
        (("-o", "m.npy", "--kind", "poisson_gaussian"), ".json"),
        (("-o", "m.npz", "--picture", "p.jpg"), ".png"),
        (("-o", "m.npz", "--from", "pairs"), "--clean"),
        (("-o", "m.npz", "--from", "single", "--repeats"), "--repeats"),
        (("-o", "m.npz", "--region", "all"), "--region"),
        (("-o", "m.npz", "--gaussians", "0"), "gaussians"),
        (("-o", "m.npz", "--minutes", "0"), "minutes"),
        (("--check", "a.npz", "--kind", "histogram"), "--kind"),
        (("--check", "a.npz", "--check", "b.npz", "-o", "m.npz"), "one --check"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_computed(
    jobs, tmp_path, monkeypatch, capsys, words, named
):
    image = written(tmp_path, "field")
    monkeypatch.chdir(tmp_path)
    assert noise(image, *words) == 2
    assert named in capsys.readouterr().err
    assert not jobs
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--repeats", "-o", "m.npz"), "T axis"),
        (("--channel", "3", "-o", "m.npz"), "no channel '3'"),
        (("--region", "0:900,:", "-o", "m.npz"), "lies outside"),
        (("--check", "absent.npz"), "absent.npz"),
    ],
)
def test_what_is_missing_is_named(jobs, tmp_path, monkeypatch, capsys, words, named):
    image = written(tmp_path, "field")
    monkeypatch.chdir(tmp_path)
    assert noise(image, *words) == 1
    assert named in capsys.readouterr().err
    assert not jobs


def test_a_file_that_exists_is_replaced_only_if_asked(jobs, tmp_path, capsys):
    image, file = written(tmp_path, "field"), tmp_path / "m.npz"
    file.write_text("an hour of work")
    assert noise(image, "-o", file) == 2
    assert file.read_text() == "an hour of work"
    assert "--overwrite" in capsys.readouterr().err
    assert noise(image, "-o", file, "--overwrite") == 0
    assert read_noise_model(file).kind == "gaussian_mixture"


def test_repeats_become_a_trusted_model_of_their_noise(tmp_path, capsys):
    rng = np.random.default_rng(1)
    cells = ndimage.gaussian_filter(rng.normal(size=(180, 200)), 4) ** 2
    photons = 2 + 400 * cells / cells.max()
    exposures = 100 + 2.0 * rng.poisson(photons, (6, 180, 200)) + rng.normal(0, 5, (6, 180, 200))
    write_image(tmp_path / "field.ome.tif", Image(exposures.astype("f4"), "TYX"))
    words = ("--repeats", "--kind", "poisson_gaussian", "--picture", tmp_path / "p.png", "--json")
    assert noise(tmp_path / "field.ome.tif", "-o", tmp_path / "m.json", *words) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["verdict"]["grade"] == "good", found["verdict"]
    assert found["numbers"]["gain"] == pytest.approx(2.0, rel=0.05)
    assert (tmp_path / "p.png").stat().st_size > 10_000
    assert noise(tmp_path / "field.ome.tif", "--repeats", "--check", tmp_path / "m.json") == 0
    with pytest.raises(SystemExit, match="0"):
        main(["info", str(tmp_path / "m.json")])
    assert "poisson-gaussian, gain" in capsys.readouterr().out
