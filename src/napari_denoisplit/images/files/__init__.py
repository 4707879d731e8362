"""TIFF and CZI files: read with their axes, written whole."""
