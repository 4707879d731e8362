"""Images that are spread over a set of OME-TIFF files."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from filecmp import cmp
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import tifffile

from napari_denoisplit.images.damage import DAMAGE
from napari_denoisplit.images.files.endings import TIFFS
from napari_denoisplit.images.ome_header import ome_elements, tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BEGINNING = 2**16


def absent_files(file: tifffile.TiffFile) -> list[str]:
    """Names of the files that an OME header speaks of and that are not beside this one."""
    elements = ome_elements(file.ome_metadata)
    own = elements[0].get("UUID") if elements else None
    others = [e for e in elements if tag(e) == "UUID" and (own is None or e.text != own)]
    names = dict.fromkeys(e.get("FileName", file.filename) for e in others)
    folder = Path(file.filehandle.dirname)
    return [name for name in names if name != file.filename and not (folder / name).is_file()]


def once_each(paths: Iterable[Path]) -> tuple[list[Path], dict[Path, str]]:
    """Take every image once: of a set, which any of its files opens, only the first file given.

    A file that is given twice, by whatever name, is taken once too.

    Parameters
    ----------
    paths
        Files and folders, in any order; those that cannot be opened are kept.

    Returns
    -------
    tuple
        The paths to take, and sentences on those that stand for several or are copies of another.
    """
    groups: dict[object, list[Path]] = {}
    for path in paths:
        key = _set_of(path)
        if key is None:
            key = _identity(path)
        groups.setdefault(key, []).append(path)
    notes = {group[0]: _said(group) for group in groups.values() if len(group) > 1}
    taken = [group[0] for group in groups.values()]
    for copy, first in _copies(taken).items():
        said = f"{copy.name} is a copy of {first.name}: leave one of them out."
        notes[copy] = f"{notes[copy]} {said}" if copy in notes else said
    return taken, notes


def _copies(paths: Iterable[Path]) -> dict[Path, Path]:
    """Files that are byte by byte one before them; files of a size of their own are not read."""
    by_size = defaultdict[int, list[Path]](list)
    for path in paths:
        if path.is_file():
            by_size[path.stat().st_size].append(path)
    found = {}
    for alike in by_size.values():
        earlier = defaultdict[bytes, list[Path]](list)
        for path in alike if len(alike) > 1 else ():
            with suppress(OSError):  # told when its turn comes
                begins = earlier[_beginning(path)]
                if first := next((one for one in begins if cmp(one, path, shallow=False)), None):
                    found[path] = first
                else:
                    begins.append(path)
    return found


def _beginning(path: Path) -> bytes:
    """Hash of the first bytes, so that of many files of one size few are held against others."""
    with path.open("rb") as file:
        return blake2b(file.read(_BEGINNING)).digest()


def _said(group: Sequence[Path]) -> str:
    names = [path.name for path in group]
    if len({_identity(path) for path in group}) == 1:
        return f"{names[0]} was given {len(group)} times: it is taken once."
    return (
        f"{', '.join(names)} are files of one OME set, of which each opens the whole: it is taken "
        f"once, as {names[0]}."
    )


def _identity(path: Path) -> object:
    """Return what is the same for two names of a file, by links or otherwise."""
    try:
        found = path.stat()
    except OSError:
        return path.absolute()
    return (found.st_dev, found.st_ino) if found.st_ino else path.resolve()


def _set_of(path: Path) -> object:
    """Return what all files of an OME set have in common; None for a file that is in none."""
    if path.suffix.lower() not in TIFFS or not path.is_file():
        return None
    try:
        with tifffile.TiffFile(path) as file:
            elements = ome_elements(file.ome_metadata)
    except DAMAGE:  # told when its turn comes
        return None
    names = {e.get("FileName") for e in elements if tag(e) == "UUID"}
    if len(names) < 2 or path.name not in names:
        return None
    return path.resolve().parent, frozenset(names)
