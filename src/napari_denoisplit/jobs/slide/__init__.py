"""Split an image of any size block by block to OME-Zarr, on one machine or a cluster."""
