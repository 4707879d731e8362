from __future__ import annotations

import shutil
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.calibrations import calibrated_by
from tests.quick_training import quick_training, training_quickly

from napari_denoisplit.checkpoint import last_path, load_model, save_model
from napari_denoisplit.errors import TrainingError
from napari_denoisplit.events import Elbo, EpochDone, PreviewSplit, Progress, Stage, run
from napari_denoisplit.giving_up import finished
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training import partition
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.training.partition import window_sums
from napari_denoisplit.images.training.separate import SeparateFields
from napari_denoisplit.jobs.learning import keeping, loop
from napari_denoisplit.jobs.learning.batches import Batches
from napari_denoisplit.jobs.learning.loop import QUICKLY_JUDGED
from napari_denoisplit.jobs.learning.optimizer import OPTIMIZERS
from napari_denoisplit.jobs.learning.trainer import Trainer
from napari_denoisplit.jobs.learning.validation import Validation
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.train import job as training
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.jobs.train.preparation import prepare
from napari_denoisplit.jobs.trust.brightness import brightness_of
from napari_denoisplit.measures.outlook import outlook_of
from napari_denoisplit.measures.separation import judge_separation, separation_of
from napari_denoisplit.nn.objective import Batch
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.settings import MixSettings, SplitSettings
from napari_denoisplit.verdict import Verdict

__all__ = ["quick_training"]

pytestmark = pytest.mark.usefixtures("quick_training")


def collected(job):
    events = []
    return run(job, events.append), events


def changed(settings, **changes):
    return type(settings).model_validate(settings.model_dump() | changes)


@pytest.fixture(scope="module")
def once(fields, settings, tmp_path_factory):
    """A training as the settings say, and what it told; no test changes its files."""
    path = tmp_path_factory.mktemp("once") / "model.denoisplit"
    with training_quickly():
        return collected(train_job(fields, settings, path=path))


def test_how_far_the_structures_are_apart_is_told_and_kept_in_the_model(fields, once):
    trained, events = once
    verdict = separation_of(load_model(trained.path).header.training)
    assert verdict.grade != "good"  # after so few steps
    (note,) = [note for note in trained.notes if note.startswith("Separation: ")]
    assert verdict.reasons[0] in note
    assert Stage(note) in events
    best = [epoch for epoch in trained.history if epoch.is_best][-1]
    assert judge_separation(fields.channel_names, np.array(best.shares)) == verdict


def test_what_more_training_would_bring_is_told_and_kept_in_the_model(once):
    trained, events = once
    outlook = outlook_of(load_model(trained.path).header.training)
    assert "short training, of 12 steps" in outlook
    assert Stage(f"Training: {outlook}") in events
    assert f"Training: {outlook}" in trained.notes


@pytest.fixture
def soon_good(monkeypatch):
    """Let structures count as apart at once, and a training as long enough from 8 steps on."""
    good = Verdict(grade="good", reasons=("Each is in its own image.",))
    for module in (loop, keeping):
        monkeypatch.setattr(module, "judge_separation", lambda _names, _shares: good)
    monkeypatch.setattr(loop, "FIRST_STEPS", 8)


@pytest.mark.usefixtures("soon_good")
def test_until_good_a_training_settles_once_its_structures_are_apart(fields, settings):
    asked = changed(settings, steps=60, steps_per_epoch=4, until_good=True)
    trained, events = collected(train_job(fields, asked))
    assert [epoch.step for epoch in trained.history] == [4, 8, 12]  # 8, and half of that
    assert trained.history[-1].learning_rate < 0.05 * asked.learning_rate
    (told,) = (e.text for e in events if isinstance(e, Stage) and "settles" in e.text)
    assert told.startswith("The structures are apart")
    whole = changed(asked, until_good=False, steps=16)
    assert run(train_job(fields, whole)).history[-1].step == 16


@pytest.mark.usefixtures("soon_good")
@pytest.mark.parametrize("stopped_after", [1, 2])
def test_until_good_a_training_that_was_stopped_ends_where_it_would_have(
    fields, settings, tmp_path, stopped_after
):
    asked = changed(settings, steps=60, steps_per_epoch=4, until_good=True)
    path, stop = tmp_path / "model.denoisplit", threading.Event()

    def watch(event):
        if isinstance(event, EpochDone) and event.epoch == stopped_after:
            stop.set()

    assert run(train_job(fields, asked, path=path, stop=stop), watch).stopped_early
    trained = run(train_job(fields, asked, path=path, resume=last_path(path)))
    assert trained.history[-1].step == 12


@pytest.mark.usefixtures("soon_good")
def test_who_goes_on_with_a_good_model_gets_all_of_the_budget(fields, settings, tmp_path):
    asked = changed(settings, steps=8, steps_per_epoch=4)
    path = tmp_path / "model.denoisplit"
    run(train_job(fields, asked, path=path))
    more = changed(asked, steps=20, until_good=True)
    trained = run(train_job(fields, more, path=path, resume=last_path(path)))
    assert trained.history[-1].step == 28


def test_the_time_left_is_within_the_minutes_also_after_long_steps(fields, settings, monkeypatch):
    took, step, clock = [0.0], Trainer.step, time.monotonic

    def long_step(trainer):
        took[0] += 20
        return step(trainer)

    monkeypatch.setattr(Trainer, "step", long_step)
    monkeypatch.setattr("time.monotonic", lambda: clock() + took[0])
    told = []

    def listen(event):
        if isinstance(event, Progress) and event.text.startswith("epoch"):
            told.append((took[0], event.seconds_left))

    run(train_job(fields, changed(settings, minutes=2, steps=None)), listen)
    assert len(told) > 3
    assert all(left <= 120 - seconds for seconds, left in told)


def test_training_lowers_the_validation_loss(fields, settings):
    result, _ = collected(train_job(fields, changed(settings, steps=40, steps_per_epoch=10)))
    losses = [e.validation.loss for e in result.history]
    assert min(losses) < losses[0] - 0.1


def test_every_epoch_reports_the_parts_of_the_elbo_and_psnr(once):
    _, events = once
    epochs = [e for e in events if isinstance(e, EpochDone)]
    assert [e.step for e in epochs] == [4, 8, 12]
    for e in epochs:
        for elbo in (e.train, e.validation):
            assert elbo.loss == pytest.approx(elbo.reconstruction + sum(elbo.kl_per_level))
            assert len(elbo.kl_per_level) == 2
        assert len(e.psnr) == 2


def test_previews_show_superposition_and_channels_of_one_region(once):
    _, events = once
    preview = next(e for e in events if isinstance(e, PreviewSplit))
    assert preview.mmse.shape == preview.channels.shape
    np.testing.assert_allclose(preview.superposition, preview.channels.mean(axis=0), rtol=1e-4)


def test_progress_rises_to_the_end_of_the_budget(once):
    _, events = once
    shares = [e.done for e in events if isinstance(e, Progress)]
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1


@pytest.mark.parametrize("method", ["denoisplit", "altered_musplit", "musplit"])
def test_every_method_trains_and_reloads(fields, settings, tmp_path, method):
    path = tmp_path / "m.denoisplit"
    run(train_job(fields, changed(settings, method=method, steps=4), path=path))
    model = load_model(path)
    assert (model.header.noise_models is not None) == (method == "denoisplit")
    assert model.network.settings.predict_logvar == (method != "denoisplit")


def test_noise_models_come_from_noise_alone_where_nothing_is_clean(fields, settings):
    noisy = TrainingFields(fields.fields, fields.channel_names)
    result = run(train_job(noisy, changed(settings, steps=1)))
    assert len(result.model.header.noise_models) == 2


def test_noise_models_come_from_the_differences_of_repeats(fields, settings):
    clean = fields.clean[0]
    sigma = 40.0
    noise = np.random.default_rng(0).normal(size=(4, *clean.shape)) * sigma
    exposures = tuple((clean + n).astype(np.float32) for n in noise)
    repeated = TrainingFields(exposures, fields.channel_names, repeats=4)
    models = run(train_job(repeated, changed(settings, steps=1))).model.header.noise_models
    for c, found in enumerate(map(GaussianMixture.from_dict, models)):
        variance = found.variance(torch.tensor([float(np.median(clean[c]))]))
        assert float(variance) == pytest.approx(sigma**2, rel=0.1)


def test_a_model_says_what_it_was_trained_on(fields, settings):
    named = TrainingFields(fields.fields, fields.channel_names, ("dish 7 sha256:abc",))
    header = run(train_job(named, changed(settings, steps=1))).model.header
    assert header.provenance["sources"] == ["dish 7 sha256:abc"]
    assert header.provenance["seed"] == 0
    assert header.mix.weights == (0.5, 0.5)
    assert header.training["settings"]["steps"] == 1


def test_a_model_fresh_from_training_can_be_calibrated(once):
    model = once[0].model
    record = calibrated_by(1.5, 2.0)
    assert model.calibrated(record).header.calibration == record


def test_the_same_seed_trains_the_same_model(fields, settings, once):
    a, b = (trained.model.network for trained in (once[0], run(train_job(fields, settings))))
    for x, y in zip(a.parameters(), b.parameters(), strict=True):
        torch.testing.assert_close(x, y, rtol=0, atol=0)


def one_channel(fields) -> TrainingFields:
    return TrainingFields(tuple(f[:1] for f in fields.fields), fields.channel_names[:1])


@pytest.mark.parametrize("kind", ["ladder", "denoiser"])
def test_a_resumed_training_goes_on_as_if_it_had_not_stopped(fields, settings, tmp_path, kind):
    plateau = {"steps": None, "steps_per_epoch": 2, "schedule": "plateau"}
    if kind == "denoiser":
        fields = one_channel(fields)
        plateau["network"] = {"kind": kind, "n_filters": 4, "n_levels": 2}
    four, half = (changed(settings, epochs=n, **plateau) for n in (4, 2))
    whole = run(train_job(fields, four, path=tmp_path / "a.denoisplit"))
    path = tmp_path / "b.denoisplit"
    run(train_job(fields, half, path=path))
    rest = run(train_job(fields, half, path=path, resume=last_path(path)))
    assert [e.epoch for e in rest.history] == [3, 4]
    for a, b in zip(whole.history[2:], rest.history, strict=True):
        assert b.validation.loss == pytest.approx(a.validation.loss, rel=1e-5)


def test_a_loss_that_stands_still_halves_the_learning_rate(fields, settings, monkeypatch):
    original = Validation.run
    still = Elbo(1.0, 1.0, (0.0, 0.0))
    monkeypatch.setattr(Validation, "run", lambda *a: replace(original(*a), elbo=still))
    plateau = changed(
        settings, steps=None, epochs=6, steps_per_epoch=1, schedule="plateau", plateau_patience=1
    )
    rates = [e.learning_rate for e in run(train_job(fields, plateau)).history]
    assert rates == [plateau.learning_rate / n for n in (1, 1, 1, 2, 2, 4)]


@pytest.mark.parametrize("monitor", ["loss", "reconstruction", "psnr"])
def test_the_best_epoch_is_that_of_what_is_monitored(fields, settings, monkeypatch, monitor):
    numbers = iter([(3, 1, 20), (1, 3, 19), (2, 2, 25)])  # loss, reconstruction, PSNR
    original = Validation.run

    def told(*a):
        loss, reconstruction, psnr = next(numbers)
        elbo = Elbo(loss, reconstruction, (0.0, 0.0))
        return replace(original(*a), elbo=elbo, noisy_psnr=psnr)

    monkeypatch.setattr(Validation, "run", told)
    epochs = run(train_job(fields, changed(settings, monitor=monitor))).history
    best = {"loss": [1, 2], "reconstruction": [1], "psnr": [1, 3]}
    assert [e.epoch for e in epochs if e.is_best] == best[monitor]


def test_a_training_is_not_resumed_by_another_measure_of_what_is_best(fields, settings, once):
    state = last_path(once[0].path)
    with pytest.raises(TrainingError, match="resume it with monitor 'loss'"):
        run(train_job(fields, changed(settings, monitor="psnr"), resume=state))


def test_a_resumed_training_that_finds_nothing_better_keeps_the_best(
    fields, settings, once, tmp_path
):
    path, elsewhere = tmp_path / "m.denoisplit", tmp_path / "other.denoisplit"
    best = once[0].model
    for of in (lambda path: path, last_path):
        shutil.copyfile(of(once[0].path), of(path))
    worse = changed(settings, steps=1, loss={"beta": 100.0})
    for target in (None, path, elsewhere):
        result = run(train_job(fields, worse, path=target, resume=last_path(path)))
        assert not any(e.is_best for e in result.history)
        for kept in [result.model] + ([load_model(target)] if target else []):
            assert kept.header.training["history"] == best.header.training["history"]


def test_a_stopped_training_does_not_pass_an_older_model_off_as_its_own(fields, settings, once):
    path, stop = once[0].path, threading.Event()
    before = path.read_bytes()
    stop.set()
    with pytest.raises(TrainingError, match="no model"):
        run(train_job(fields, settings, path=path, stop=stop))
    assert path.read_bytes() == before


@pytest.mark.parametrize(("had", "asked"), [("denoisplit", "musplit"), ("musplit", "denoisplit")])
def test_a_training_is_not_resumed_with_the_other_likelihood(
    fields, settings, tmp_path, had, asked
):
    path = tmp_path / "m.denoisplit"
    run(train_job(fields, changed(settings, steps=1, method=had), path=path))
    with pytest.raises(TrainingError, match="method it was trained with"):
        run(train_job(fields, changed(settings, method=asked), resume=last_path(path)))


def test_a_blank_frame_in_validation_does_not_end_the_training(fields, settings):
    blank = np.concatenate([np.zeros((1, 128, 128)), fields.fields[0][1:]]).astype(np.float32)
    mixed = TrainingFields((blank, fields.fields[1]), fields.channel_names)
    known = run(train_job(mixed, changed(settings, steps=1))).history[-1].psnr
    assert np.isfinite(known).all()


def test_stop_ends_after_the_step_and_keeps_the_best_model(fields, settings, tmp_path):
    stop = threading.Event()
    path, seen = tmp_path / "m.denoisplit", []

    def stop_at_second_epoch(event):
        seen.append(event)
        if isinstance(event, EpochDone) and event.epoch == 2:
            stop.set()

    endless = changed(settings, steps=10_000, preview_every=1)
    result = run(train_job(fields, endless, path=path, stop=stop), stop_at_second_epoch)
    assert result.stopped_early
    assert [e.epoch for e in seen if isinstance(e, PreviewSplit)] == [1]  # nor for a picture
    assert len(result.history) == 2  # nobody waits for the validation of half an epoch
    assert load_model(path).header.channel_names == ("filaments", "pits")


class After(threading.Event):
    """A stop that comes when it was looked at so many times."""

    def __init__(self, looks):
        super().__init__()
        self.left = looks

    def is_set(self):
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize("share", [0.01, 0.2, 0.4, 0.6, 0.8])
def test_a_step_that_is_given_up_leaves_no_trace(fields, settings, share):
    trainer = run(prepare(fields, settings, None, None)).trainer
    trainer.step()
    before = {name: value.clone() for name, value in trainer.state().items()}
    whole = After(10**9)
    assert finished(whole, trainer.step)
    trainer.restore(before, trainer.average.network)
    n_looks = 10**9 - whole.left
    assert not finished(After(int(share * n_looks)), trainer.step)  # on its way there or back
    after = trainer.state()
    assert before.keys() == after.keys()
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, rtol=0, atol=0, equal_nan=True, msg=name)


def test_stopped_in_its_first_epoch_a_training_says_on_how_little_it_is_judged(
    fields, settings, tmp_path
):
    stop, path = threading.Event(), tmp_path / "m.denoisplit"

    def after_a_step(event):
        if isinstance(event, Progress):
            stop.set()

    endless = changed(settings, steps=10_000, steps_per_epoch=5_000)
    first = run(train_job(fields, endless, path=path, stop=stop), after_a_step)
    assert QUICKLY_JUDGED in first.notes
    assert separation_of(load_model(path).header.training) is not None
    # What few pixels say does not compare with what all say: the next epoch is better.
    rest = run(
        train_job(fields, changed(settings, learning_rate=1e-9), path=path, resume=last_path(path))
    )
    assert rest.history[0].is_best
    assert QUICKLY_JUDGED not in rest.notes


def test_a_validation_that_is_given_up_leaves_the_model_before(
    fields, settings, tmp_path, monkeypatch
):
    original, stop, n_runs = Validation.run, threading.Event(), 0

    def stopped_within(*given):
        nonlocal n_runs
        n_runs += 1
        if n_runs == 2:
            stop.set()
        return original(*given)

    monkeypatch.setattr(Validation, "run", stopped_within)
    path = tmp_path / "m.denoisplit"
    result = run(train_job(fields, changed(settings, steps=10_000), path=path, stop=stop))
    assert (n_runs, len(result.history)) == (2, 1)
    assert len(load_model(path).header.training["history"]) == 1


def test_a_stopped_training_writes_the_state_to_resume_from_once(
    fields, settings, tmp_path, monkeypatch
):
    stop, path, written = threading.Event(), tmp_path / "m.denoisplit", []

    def save(to, model, **options):
        if stop.is_set():
            written.append(to.name)
        return save_model(to, model, **options)

    def stop_in_second_epoch(event):
        if isinstance(event, Progress) and "epoch 2, " in event.text:
            stop.set()

    monkeypatch.setattr(keeping, "save_model", save)
    monkeypatch.setattr(keeping, "foresee", lambda *_, is_apart: f"Wait {time.monotonic()} s.")
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_PROGRESS", 0)
    endless = changed(settings, steps=10_000, steps_per_epoch=3)
    result = run(train_job(fields, endless, path=path, stop=stop), stop_in_second_epoch)
    assert written == ["m.denoisplit", "m.last.denoisplit"]
    assert load_model(last_path(path)).header.training["steps"] == 3
    assert outlook_of(load_model(path).header.training) == outlook_of(result.model.header.training)


def test_what_follows_a_stop_is_counted_from_the_stop(monkeypatch):
    now = 100.0
    monkeypatch.setattr(training.time, "monotonic", lambda: now)
    asked = threading.Event()
    stop = training._Noticed(asked)
    assert not stop.is_set()
    asked.set()
    assert stop.is_set()
    now += 0.5  # of validating and saving
    end = training._After(stop, 0.65)
    assert not end.is_set()
    now += 0.2
    assert end.is_set()


def test_a_stop_gives_up_setting_pixels_aside(fields, settings, monkeypatch):
    stop, n_calls = threading.Event(), 0

    def stopped_within(*given):
        nonlocal n_calls
        n_calls += 1
        stop.set()
        return window_sums(*given)

    monkeypatch.setattr(partition, "window_sums", stopped_within)
    with pytest.raises(TrainingError, match="no model"):
        run(train_job(fields, settings, stop=stop))
    assert n_calls == 1


def test_stop_before_the_first_step_says_that_there_is_no_model(fields, settings):
    stop = threading.Event()
    stop.set()
    with pytest.raises(TrainingError, match="no model"):
        run(train_job(fields, settings, stop=stop))


def test_the_file_holds_the_best_epoch_not_the_last(fields, settings, tmp_path):
    path = tmp_path / "m.denoisplit"
    result = run(
        train_job(
            fields, changed(settings, steps=24, learning_rate=0.05, schedule="plateau"), path=path
        )
    )
    best = max(e.epoch for e in result.history if e.is_best)
    assert load_model(path).header.training["history"][-1]["epoch"] == best
    assert load_model(last_path(path)).header.training["history"][-1]["epoch"] == 6


def test_steps_that_are_not_finite_are_left_out_and_counted(fields, settings, monkeypatch):
    step, original = [0], Trainer.step

    def poisoned(self):
        step[0] += 1
        draw = self.batches.draw
        if step[0] in (2, 3):
            batch = draw()
            bad = batch._replace(superposition=batch.superposition * torch.nan)
            self.batches.draw = lambda: bad
        try:
            original(self)
        finally:
            self.batches.draw = draw

    monkeypatch.setattr(Trainer, "step", poisoned)
    result = run(train_job(fields, settings))
    assert result.history[-1].skipped_steps == 2
    state = result.model.network.state_dict().values()
    assert all(torch.isfinite(v).all() for v in state)  # batch norm's statistics, too


def test_ten_bad_steps_in_a_row_end_the_job_with_step_and_learning_rate(
    fields, settings, monkeypatch
):
    def poisoned(self):
        superposition = torch.full((4, 1, 32, 32), torch.nan)
        return Batch(superposition, torch.ones(4, 2, 32, 32))

    monkeypatch.setattr(Batches, "draw", poisoned)
    with pytest.raises(TrainingError, match=r"10 steps in a row.*step 10,.*learning rate 0\.00"):
        run(train_job(fields, changed(settings, steps=50, steps_per_epoch=50)))


def test_a_training_that_diverges_says_so_with_the_way_out(fields, settings, monkeypatch):
    original = Trainer.step

    def exploding(self):
        original(self)
        for weight in self.average.network.parameters():
            weight.data.fill_(1e30)

    monkeypatch.setattr(Trainer, "step", exploding)
    with pytest.raises(TrainingError, match=r"has diverged.*Lower the learning rate"):
        run(train_job(fields, settings))


def test_mixing_weights_and_range_are_stored(fields, settings):
    mix = MixSettings(mode="sum", alpha_low=0.8, alpha_high=1.2)
    header = run(train_job(fields, changed(settings, steps=1, mix=mix.model_dump()))).model.header
    assert header.mix.weights == (1.0, 1.0)
    assert (header.mix.alpha_low, header.mix.alpha_high) == (0.8, 1.2)


def test_a_training_over_a_noise_range_is_resumed_with_the_same_noise(fields, settings, tmp_path):
    ranged = {"steps": None, "steps_per_epoch": 2, "mix": MixSettings(noise_high=2.0).model_dump()}
    ranged |= {"schedule": "plateau"}
    four, half = (changed(settings, epochs=n, **ranged) for n in (4, 2))
    whole = run(train_job(fields, four))
    path = tmp_path / "m.denoisplit"
    run(train_job(fields, half, path=path))
    rest = run(train_job(fields, half, path=path, resume=last_path(path)))
    assert load_model(path).header.mix.noise_high == 2
    for a, b in zip(whole.history[2:], rest.history, strict=True):
        assert b.validation.loss == pytest.approx(a.validation.loss, rel=1e-5)
    plain = run(train_job(fields, changed(settings, epochs=4, **(ranged | {"mix": {}}))))
    assert plain.history[-1].validation.loss != whole.history[-1].validation.loss


def test_a_noise_range_needs_noise_models(fields, settings):
    ranged = changed(settings, mix=MixSettings(noise_high=2.0).model_dump(), method="musplit")
    with pytest.raises(TrainingError, match=r"noise_high 2\) needs noise models.*'denoisplit'"):
        run(train_job(fields, ranged))


def test_a_finished_model_is_no_state_to_resume_from(fields, settings, once):
    with pytest.raises(TrainingError, match=r"last\.denoisplit"):
        run(train_job(fields, settings, resume=once[0].path))


def test_one_channel_is_denoised_by_a_ladder_that_has_learned_it(fields, settings):
    lone = one_channel(fields)
    result = run(train_job(lone, changed(settings, steps=4)))
    image = Image(lone.fields[0][0], "YX")
    split = run(split_job(result.model, image, SplitSettings(n_samples=2, device="cpu")))
    assert result.model.header.mix.weights == (1.0,)
    assert split.mmse.shape == (1, *image.shape)


def test_a_denoiser_learns_one_channel_only(fields, settings):
    with pytest.raises(TrainingError, match="denoises one structure, and 2 are given"):
        run(train_job(fields, changed(settings, network={"kind": "denoiser"})))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_optimizer_is_a_setting(fields, settings, name, monkeypatch):
    made, original = [], OPTIMIZERS[name]
    monkeypatch.setitem(OPTIMIZERS, name, lambda *a: made.append(name) or original(*a))
    run(train_job(fields, changed(settings, steps=1, optimizer=name)))
    assert made == [name]


def test_three_channels_train(fields, settings):
    three = TrainingFields(
        tuple(np.concatenate([f, f[:1, ::-1]]) for f in fields.fields), ("a", "b", "c")
    )
    assert run(train_job(three, changed(settings, steps=1))).model.network.settings.n_channels == 3


def test_weights_and_noise_models_are_one_per_channel(fields, settings):
    mix = MixSettings(weights=(0.2, 0.3, 0.5)).model_dump()
    with pytest.raises(TrainingError, match="3 mixing weights for 2 channels"):
        run(train_job(fields, changed(settings, mix=mix)))
    one = GaussianMixture(torch.zeros(3, 1), 0.0, 1.0, 1.0)
    with pytest.raises(TrainingError, match="1 noise models for 2 channels"):
        run(train_job(fields, settings, noise_models=[one]))


def test_recorded_superpositions_are_what_the_network_learns_from(fields, settings, tmp_path):
    recorded = tuple(2 * f.sum(axis=0) - 50 for f in fields.fields)
    given = replace(fields, superpositions=recorded)
    path = tmp_path / "m.denoisplit"
    result, events = collected(train_job(given, settings, path=path))
    header = result.model.header
    assert header.mix.weights == pytest.approx((2, 2), rel=1e-3)
    assert header.mix.offset == pytest.approx(-50, abs=1)
    mixed = np.dot(header.mix.weights, header.normalization.channel_means) + header.mix.offset
    assert header.normalization.input_mean == pytest.approx(mixed, rel=1e-3)
    preview = next(e for e in events if isinstance(e, PreviewSplit))
    expected = 2 * preview.channels.sum(axis=0) - 50
    np.testing.assert_allclose(preview.superposition, expected, rtol=1e-4)
    with pytest.raises(TrainingError, match="trained with recorded superpositions"):
        run(train_job(fields, settings, path=path, resume=last_path(path)))


@pytest.mark.parametrize("method", ["denoisplit", "musplit"])
def test_structures_of_different_fields_train_a_model_that_splits(fields, settings, method):
    field = fields.fields[0]
    separate = SeparateFields.from_images(
        {
            "filaments": [Image(field[0], "YX"), Image(fields.fields[1][0, :96], "YX")],
            "pits": Image(field[1, :112, :120], "YX"),
        }
    )
    result, events = collected(train_job(separate, changed(settings, method=method)))
    header = result.model.header
    assert header.channel_names == ("filaments", "pits")
    assert [region["field"] for region in header.provenance["validation"]] == [0, 1, 2]
    assert len([e for e in events if isinstance(e, EpochDone)]) == 3
    split = run(
        split_job(result.model, Image(field.mean(axis=0), "YX"), SplitSettings(n_samples=2))
    )
    assert split.structures == ("filaments", "pits")


def test_structures_of_different_fields_learn_what_those_of_the_same_fields_do(fields, settings):
    apart = SeparateFields.from_images(
        {name: [Image(f[c], "YX") for f in fields.fields] for c, name in enumerate("ab")}
    )
    longer = changed(settings, steps=40, steps_per_epoch=10)
    losses = [e.validation.loss for e in run(train_job(apart, longer)).history]
    assert min(losses) < losses[0] - 0.1


@pytest.mark.parametrize(("enough", "knows"), [(1, True), (100, False)])
def test_brightness_is_learned_by_a_network_that_may_know_it(
    fields, settings, monkeypatch, enough, knows
):
    monkeypatch.setattr("napari_denoisplit.jobs.train.job.ENOUGH_STEPS", enough)
    model = run(train_job(fields, changed(settings, steps=1))).model
    assert (brightness_of(model.header) is not None) == knows
