"""Settings of the documentation; it builds without a network."""

from __future__ import annotations

from napari_denoisplit import __version__

project = "napari-denoisplit"
author = "the napari-denoisplit developers"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = False

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = True
napoleon_google_docstring = False
# Names in parameter lists are prose in places ("a, b"): shown as written.
napoleon_preprocess_types = False

html_theme = "furo"
html_logo = html_favicon = "../src/napari_denoisplit/icon.svg"
html_title = f"napari-denoisplit {release}"
