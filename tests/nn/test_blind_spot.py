from __future__ import annotations

import torch

from napari_denoisplit.nn.blind_spot import (
    CELL,
    BlindSpotObjective,
    grid_spots,
    hide,
    random_spots,
)
from napari_denoisplit.nn.families.denoiser import DenoisingUNet
from napari_denoisplit.nn.objective import Batch
from napari_denoisplit.nn.sampler import Prediction
from napari_denoisplit.settings import DenoisingUNetSettings


def spots_and_image(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return random_spots(3, 32, generator), torch.randn(3, 1, 32, 32, generator=generator)


def test_every_cell_holds_one_blind_spot():
    spots, _ = spots_and_image()
    cells = spots.float().unfold(2, CELL, CELL).unfold(3, CELL, CELL).sum(dim=(-1, -2))
    assert torch.equal(cells, torch.ones_like(cells))


def test_blind_spots_lie_everywhere_in_their_cells():
    spots = random_spots(64, 32, torch.Generator().manual_seed(0))
    share = spots.float().view(64, 8, CELL, 8, CELL).mean(dim=(0, 1, 3))
    torch.testing.assert_close(share, torch.full((CELL, CELL), 1 / 16), atol=0.02, rtol=0)


def test_grids_hold_every_pixel_once():
    total = sum(spots.int() for spots in grid_spots(13, 18, torch.device("cpu")))
    assert torch.equal(total, torch.ones(13, 18, dtype=torch.int32))


def test_what_is_left_depends_on_the_value_of_no_blind_spot():
    spots, image = spots_and_image()
    other = torch.where(spots, 1e6, image)
    assert torch.equal(hide(image, spots), hide(other, spots))


def test_pixels_that_are_not_blind_stay_as_they_are():
    spots, image = spots_and_image()
    assert torch.equal(hide(image, spots)[~spots], image[~spots])


def test_a_flat_image_stays_flat_up_to_its_border():
    spots, _ = spots_and_image()
    torch.testing.assert_close(
        hide(torch.full((3, 1, 32, 32), 7.0), spots).unique(), torch.tensor([7.0])
    )


def test_the_network_does_not_see_what_it_is_compared_to():
    torch.manual_seed(0)
    network = DenoisingUNet(DenoisingUNetSettings(n_filters=4, n_levels=2))
    objective = BlindSpotObjective()
    images, found = torch.randn(2, 1, 32, 32), []

    def seeing(hidden: torch.Tensor) -> Prediction:
        found.append(hidden)
        return network(hidden)

    objective(seeing, Batch(images, images), step=3)
    spots = (found[0] != images).float()
    # With error e at a spot the loss is the mean of e^2: a value v there changes it as (e - v)^2.
    shifted = [images + shift * spots for shift in (-1.0, 0.0, 1.0)]
    loss = [objective(network, Batch(x, x), step=3).loss for x in shifted]
    torch.testing.assert_close(loss[0] - 2 * loss[1] + loss[2], torch.tensor(2.0))


def test_the_spots_follow_from_the_step():
    images = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))

    def loss(step: int) -> float:
        blank = Prediction(torch.zeros_like(images), None, [], [])
        return float(BlindSpotObjective()(lambda hidden: blank, Batch(images, images), step).loss)

    assert loss(5) == loss(5)
    assert loss(5) != loss(6)
