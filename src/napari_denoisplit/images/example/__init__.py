"""Real cells that come with the package, and a model trained on others of the same plate.

`cells_to_split.ome.tif` and `cells_to_train_on.ome.tif` are crops of images of NF1 Schwann cells,
channels nuclei and F-actin, by J. Tomkinson, C. Mattson, M. Mattson-Hoss, H. Sarnoff, S. J. Bouley,
J. A. Walker and G. P. Way (doi:10.1101/2024.09.11.612546), from
https://github.com/WayScience/nf1_schwann_cell_painting_data, under CC-BY-4.0
(https://creativecommons.org/licenses/by/4.0); two channels of each were cut out, with their grey
levels divided by 257, which loses nothing. `cells.denoisplit` was trained on two whole images of
them. `scripts/make_example.py` in the source tree makes the three files.
"""
