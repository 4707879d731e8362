"""The state of a training run: network, average, optimizer, random state; one step of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_denoisplit.errors import JobError, TrainingError
from napari_denoisplit.events import Elbo
from napari_denoisplit.giving_up import GivenUp, look
from napari_denoisplit.jobs.learning import together
from napari_denoisplit.jobs.learning.average import WeightAverage
from napari_denoisplit.jobs.learning.flat import FlatWeights
from napari_denoisplit.jobs.learning.optimizer import OPTIMIZERS
from napari_denoisplit.nn.compute import give_memory_back, is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from napari_denoisplit.jobs.learning.batches import Batches
    from napari_denoisplit.jobs.learning.shelved import ShelvedBatches
    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.nn.objective import Batch, Objective
    from napari_denoisplit.nn.sampler import SplittingNetwork
    from napari_denoisplit.settings import TrainSettings

SKIPS_IN_A_ROW = 10


class Trainer:
    """Everything that a step changes.

    Parameters
    ----------
    network
        Moved to the device here.
    objective
        Loss of a batch, in parts.
    batches
        Source of patches.
    settings
        Optimizer, learning rate, clipping, averaging.
    compute
        Device and precision.
    """

    def __init__(
        self,
        network: SplittingNetwork,
        objective: Objective,
        batches: Batches | ShelvedBatches,
        settings: TrainSettings,
        compute: Compute,
    ) -> None:
        self.network = network.to(compute.device).train()
        self.objective = objective.to(compute.device)
        for weight in self.network.parameters():  # so that a pass back can be given up, too
            weight.register_hook(lambda _: look())  # type: ignore[no-untyped-call]
        self._weights = FlatWeights(self.network)
        self.average = WeightAverage(self._weights, settings.average_decay)
        self.batches = batches
        self.step_count = 0
        self.skipped = 0
        self.recent_loss = math.nan
        """Mean over about the last fifty steps."""
        self.n_parts = 1
        """Parts in which a batch is taken, more where memory ran out."""
        self._skipped_in_a_row = 0
        self.compute = compute
        self._clip = settings.gradient_clip or math.inf
        self._batches_per_step = settings.batches_per_step
        self.optimizer = OPTIMIZERS[settings.optimizer](
            self._weights.vector, settings.learning_rate
        )
        self._sums = np.zeros(2 + objective.n_levels)
        self._n_sums = 0

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step."""
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self.optimizer.learning_rate = value

    def step(self) -> None:
        """Draw a batch or several, follow the sum of their gradients, update the average.

        A step whose loss or gradient is not finite is left out and counted. Where memory runs out,
        batches are taken in more and more parts.

        Raises
        ------
        TrainingError
            Ten steps in a row were left out.
        JobError
            Memory does not suffice for a single patch.
        GivenUp
            Everything is as before the step.
        """
        random, seen = self._random_state(), [b.clone() for b in self.network.buffers()]
        try:
            batches = self._passes()
        except GivenUp:
            self._restore_random(random)
            for buffer, known in zip(self.network.buffers(), seen, strict=True):
                buffer.copy_(known)
            raise
        losses, gradient = torch.stack(batches).mean(dim=0), self._weights.gradient()
        together.to_mean(losses, gradient)
        norm = gradient.norm()
        gradient.mul_((self._clip / (norm + 1e-6)).clamp(max=1))
        self.step_count += 1
        # Once a step, so that a GPU is waited for once.
        *parts, size = torch.cat([losses, norm[None]]).tolist()
        if not math.isfinite(size + parts[0]):
            self._skip(parts[0])
            return
        self._skipped_in_a_row = 0
        self.optimizer.step(gradient)
        self.average.update()
        self._sums += parts
        self._n_sums += 1
        before = parts[0] if math.isnan(self.recent_loss) else self.recent_loss
        self.recent_loss = before + 0.02 * (parts[0] - before)

    def _passes(self) -> list[Tensor]:
        """Draw batches, and add their gradients up in as many parts as memory asks for."""
        drawn = [together.own_part(self.batches.draw()) for _ in range(self._batches_per_step)]
        while (found := self._gradients(drawn)) is None:
            give_memory_back()  # only here the error is gone, and what its frames held
            self._take_smaller_parts(drawn[0])
        return found

    def _gradients(self, drawn: Sequence[Batch]) -> list[Tensor] | None:
        """Add the gradients of batches up; return their losses, None if memory ran out."""
        self.network.zero_grad()
        try:
            return [self._backward(batch) for batch in drawn]
        except (MemoryError, RuntimeError) as error:
            if is_out_of_memory(error):
                return None
            raise

    def _backward(self, batch: Batch) -> Tensor:
        """Add the gradient of a batch to those before; the loss and its parts, (2 + L,).

        In parts it is the same but for the statistics of batch norm, which are those of a part.
        """
        sums = []
        for part in batch.parts(self.n_parts):
            terms = self.objective(self._predict, part, self.step_count)
            share = len(part.channels) / len(batch.channels)
            (terms.loss * share).backward()
            values = [torch.stack([terms.loss, terms.reconstruction]), terms.kl_per_level]
            sums.append(share * torch.cat(values).detach())
        return torch.stack(sums).sum(dim=0)

    def _take_smaller_parts(self, batch: Batch) -> None:
        if self.n_parts >= len(batch.channels):
            edge = batch.channels.shape[-1]
            raise JobError(
                f"Out of memory with one patch of {edge} x {edge} pixels at a time: close other "
                "programs, or choose a smaller patch_size or the preset 'tiny'."
            )
        self.n_parts *= 2

    def _predict(self, *inputs: Any) -> Any:
        """Let the network predict in the precision of the training; the loss is in float32."""
        with self.compute.autocast():
            return self.network(*inputs)

    def _skip(self, loss: float) -> None:
        self.skipped += 1
        self._skipped_in_a_row += 1
        # The weights were left alone, but batch norm has already taken in what it saw.
        averaged = dict(self.average.network.named_buffers())
        for name, buffer in self.network.named_buffers():
            buffer.copy_(averaged[name])
        if self._skipped_in_a_row >= SKIPS_IN_A_ROW:
            raise TrainingError(
                f"{SKIPS_IN_A_ROW} steps in a row were not finite (the last at step "
                f"{self.step_count}, loss {loss:g}, learning rate {self.learning_rate:g}): lower "
                "the learning rate, or check the noise models."
            )

    def take_means(self) -> Elbo:
        """Means of the loss and its parts since the last call."""
        loss, reconstruction, *kl = (self._sums / max(1, self._n_sums)).tolist()
        self._sums[:] = 0
        self._n_sums = 0
        return Elbo(loss, reconstruction, tuple(kl))

    def state(self) -> dict[str, Tensor]:
        """All that a resumed run needs, as named tensors."""
        state = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        state |= {f"optimizer.{k}": v for k, v in self.optimizer.state().items()}
        state |= self._random_state()
        counts = [self.step_count, self.skipped, self.average.n_updates]
        state["counts"] = torch.tensor(counts)
        state["learning_rate"] = torch.tensor(self.learning_rate, dtype=torch.float64)
        reported = [self.recent_loss, self._skipped_in_a_row, self._n_sums, *self._sums]
        state["reported"] = torch.tensor(reported, dtype=torch.float64)
        return state

    def restore(self, state: dict[str, Tensor], average: SplittingNetwork) -> None:
        """Go on from `state`; `average` are the averaged weights that were saved with it."""
        try:
            self.network.load_state_dict(_below(state, "network."))
            self.average.network.load_state_dict(average.state_dict())
            self.optimizer.restore(_below(state, "optimizer."))
            self._restore_random(state)
            counts = [int(n) for n in state["counts"]]
            self.learning_rate = float(state["learning_rate"])
            self.recent_loss, in_a_row, n_sums, *self._sums[:] = state["reported"].tolist()
        except (KeyError, ValueError, RuntimeError) as error:
            raise TrainingError(
                f"The training state cannot be taken up ({error}): it belongs to another network "
                "or version, or is damaged. Start a new training."
            ) from error
        self.step_count, self.skipped, self.average.n_updates = counts
        self._skipped_in_a_row, self._n_sums = int(in_a_row), int(n_sums)

    def _random_state(self) -> dict[str, Tensor]:
        """Return what is drawn from in a step."""
        state = {**self.batches.state(), "random.torch": torch.get_rng_state()}
        if self.compute.device.type == "cuda":
            state["random.cuda"] = torch.cuda.get_rng_state(self.compute.device)
        return state

    def _restore_random(self, state: dict[str, Tensor]) -> None:
        """Draw from here on what was drawn after `state` was taken."""
        self.batches.restore(state)
        torch.set_rng_state(state["random.torch"])
        if self.compute.device.type == "cuda" and "random.cuda" in state:
            torch.cuda.set_rng_state(state["random.cuda"], self.compute.device)


def _below(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
