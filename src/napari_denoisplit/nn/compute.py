"""Where and how precisely to compute."""

from __future__ import annotations

import gc
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

from napari_denoisplit.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Compute:
    """A device, and the precision of convolutions on it."""

    device: torch.device
    dtype: torch.dtype

    @classmethod
    def choose(cls, device: str = "auto", precision: str = "auto") -> Self:
        """Turn the words of the settings into what this machine has.

        Parameters
        ----------
        device
            'auto' takes a GPU if there is one; or 'cpu', 'cuda', 'mps'.
        precision
            'auto' takes bfloat16 where the processor has instructions for it; or 'float32',
            'bfloat16'.

        Raises
        ------
        JobError
            The device is asked for by name and is not there.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu"
        elif device == "cuda" and not torch.cuda.is_available():
            raise JobError("Device 'cuda' is not available here: choose 'auto' or 'cpu'.")
        elif device == "mps" and not _has_mps():
            raise JobError("Device 'mps' is not available here: choose 'auto' or 'cpu'.")
        fast = precision == "bfloat16" or (precision == "auto" and _bfloat16_is_fast(device))
        return cls(torch.device(device), torch.bfloat16 if fast else torch.float32)

    def autocast(self) -> AbstractContextManager[object]:
        """Context in which convolutions run in this precision."""
        return torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16
        )

    def __str__(self) -> str:
        """Read e.g. 'cpu, bfloat16'."""
        return f"{self.device.type}, {str(self.dtype).removeprefix('torch.')}"


def _has_mps() -> bool:
    return bool(torch.backends.mps.is_available())


def _bfloat16_is_fast(device: str) -> bool:
    """Whether bfloat16 has instructions of its own; emulated it is slower than float32."""
    if device == "cuda":
        return bool(torch.cuda.get_device_capability() >= (8, 0))
    if device == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001 - no public name
    return False  # MPS: missing from several operators


# What torch and the libraries below it say; only torch.OutOfMemoryError has a type of its own.
OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "could not allocate",
    "bad_alloc",
    "ALLOC_FAILED",
    "could not create a primitive",  # oneDNN, whose convolutions found no memory
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on whatever device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in OUT_OF_MEMORY)


def give_memory_back() -> None:
    """Let what is no longer used go back to the system, of a GPU too."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Let the C library keep freed blocks for the next step rather than return each to the system.

    Large tensors are freed and taken again at every step; on Linux each round trip maps and zeroes
    pages, which costs up to half of the time of a step. On leaving, the blocks go back.
    """
    import ctypes
    import sys

    trim_threshold, mmap_threshold, mmap_max = -1, -3, -4  # malloc.h
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "mallopt"):
        yield
        return
    libc.mallopt(mmap_max, 0)
    libc.mallopt(trim_threshold, 2**31 - 1)
    try:
        yield
    finally:
        libc.mallopt(mmap_max, 65536)  # glibc's own defaults
        libc.mallopt(mmap_threshold, 128 * 1024)
        libc.mallopt(trim_threshold, 128 * 1024)
        libc.malloc_trim(0)
