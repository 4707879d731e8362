from __future__ import annotations

import pytest
import torch

from napari_denoisplit.nn.elbo import ElboObjective, kl_terms
from napari_denoisplit.nn.objective import Batch
from napari_denoisplit.nn.sampler import Prediction
from napari_denoisplit.settings import LossSettings

ENTRIES = [64, 16]


def prediction(*kl_per_level: list[float]) -> Prediction:
    signal = torch.zeros(2, 2, 4, 4)
    return Prediction(signal, None, [torch.tensor(k) for k in kl_per_level], ENTRIES)


def test_summed_kl_is_nats_of_a_level_per_image_pixel():
    terms = kl_terms(prediction([32.0, 64.0], [8.0, 8.0]), LossSettings(), n_pixels=16)
    assert terms.tolist() == [3.0, 0.5]


def test_averaged_kl_is_the_mean_over_entries_and_levels():
    loss = LossSettings(kl="mean", free_bits=0)
    terms = kl_terms(prediction([32.0, 64.0], [8.0, 8.0]), loss, n_pixels=16)
    assert terms.tolist() == pytest.approx([0.75 / 2, 0.5 / 2])


def test_free_bits_hold_back_each_sample_and_level_by_itself():
    loss = LossSettings(free_bits=10)
    terms = kl_terms(prediction([2.0, 30.0], [1.0, 1.0]), loss, n_pixels=1)
    assert terms.tolist() == [20.0, 10.0]


def test_free_bits_stop_the_gradient_of_what_is_below_them():
    kl = torch.tensor([0.2, 5.0], requires_grad=True)
    terms = kl_terms(
        Prediction(torch.zeros(2, 2, 1, 1), None, [kl], [4]), LossSettings(), n_pixels=1
    )
    terms.sum().backward()
    assert kl.grad.tolist() == [0.0, 0.5]


def test_the_loss_is_reconstruction_plus_beta_times_the_sum_over_levels():
    objective = ElboObjective(
        lambda p, channels, factors: torch.tensor(1.5), LossSettings(beta=2.0), 2
    )
    made = prediction([4.0, 4.0], [8.0, 8.0])
    terms = objective(lambda *_: made, Batch(torch.zeros(2, 1, 4, 4), made.signal), step=0)
    assert terms.kl_per_level.tolist() == [0.25, 0.5]
    assert float(terms.loss) == 1.5 + 2 * 0.75


def test_beta_rises_over_the_warm_up():
    objective = ElboObjective(torch.nn.Identity(), LossSettings(beta=2.0, warmup_steps=10), 2)
    assert [objective.beta(step) for step in (0, 5, 10, 1000)] == [0.0, 1.0, 2.0, 2.0]
