"""Images that are spread over a set of OME-TIFF files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_denoisplit.images.ome_header import ome_elements, tag

if TYPE_CHECKING:
    import tifffile


def absent_files(file: tifffile.TiffFile) -> list[str]:
    """Names of the files that an OME header speaks of and that are not beside this one."""
    elements = ome_elements(file.ome_metadata)
    own = elements[0].get("UUID") if elements else None
    others = [e for e in elements if tag(e) == "UUID" and (own is None or e.text != own)]
    names = dict.fromkeys(e.get("FileName", file.filename) for e in others)
    folder = Path(file.filehandle.dirname)
    return [name for name in names if name != file.filename and not (folder / name).is_file()]
