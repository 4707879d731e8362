from __future__ import annotations

import pytest
import torch

from napari_denoisplit.errors import JobError
from napari_denoisplit.nn.compute import Compute, is_out_of_memory, keep_freed_memory


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


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to ..."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("could not create a primitive"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
)
def test_running_out_of_memory_is_recognized(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", [RuntimeError("expected 4D input"), ValueError("out of memory")])
def test_other_errors_are_not_taken_for_it(error):
    assert not is_out_of_memory(error)


def test_what_torch_raises_for_an_impossible_tensor_is_recognized():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**55)
    assert is_out_of_memory(raised.value)
