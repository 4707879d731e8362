"""The command `denoisplit split`: its options, results as files, results as OME-Zarr."""
