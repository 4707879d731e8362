"""What libraries raise on damaged or foreign bytes."""

from __future__ import annotations

import struct
import zlib

DAMAGE = (
    OSError,
    EOFError,
    ValueError,  # includes tifffile.TiffFileError
    TypeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    RuntimeError,  # codecs' own errors
    SystemError,  # of compiled codecs that were asked for a negative size
    struct.error,
    zlib.error,
)
