"""TIFF, MRC and CZI files: read with their axes; TIFF is written whole."""
