from __future__ import annotations

import pytest
import torch

from napari_denoisplit.errors import JobError
from napari_denoisplit.nn.compute import Compute, keep_freed_memory


def test_cpu_and_float32_are_taken_at_their_word():
    assert Compute.choose("cpu", "float32") == Compute(torch.device("cpu"), torch.float32)


def test_a_device_that_is_not_there_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(JobError, match="'cuda' is not available"):
        Compute.choose("cuda")


def test_convolutions_run_in_the_chosen_precision():
    conv = torch.nn.Conv2d(1, 1, 1)
    for dtype in (torch.float32, torch.bfloat16):
        with Compute(torch.device("cpu"), dtype).autocast():
            assert conv(torch.zeros(1, 1, 2, 2)).dtype == dtype


def test_keeping_freed_memory_changes_no_result():
    with keep_freed_memory():
        kept = torch.ones(1 << 20).cumsum(0)
    torch.testing.assert_close(kept, torch.arange(1, (1 << 20) + 1, dtype=torch.float32))
