"""The OME-XML header of a TIFF file."""

from __future__ import annotations

from xml.etree import ElementTree


def ome_elements(text: str | None) -> list[ElementTree.Element]:
    """Every element of a header, the outermost first; none where there is no readable header."""
    if not text:
        return []
    try:
        return list(ElementTree.fromstring(text).iter())
    except ElementTree.ParseError:  # axes are known by then; a broken remark is no reason to stop
        return []


def tag(element: ElementTree.Element) -> str:
    """Name of an element without its namespace, which differs between versions of OME."""
    return element.tag.rpartition("}")[2]
