"""OME-Zarr: read, laid out, written region by region."""
