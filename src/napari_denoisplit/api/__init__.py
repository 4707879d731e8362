"""The jobs as plain functions, for Python; `napari_denoisplit` itself offers them by name."""
