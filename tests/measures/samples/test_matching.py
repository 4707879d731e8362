from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.measures.samples.matching import score_objects


def squares(*edges: int) -> np.ndarray:
    """Squares of a row, each with an own label."""
    labels = np.zeros((12, 12 * len(edges)), int)
    for i, edge in enumerate(edges):
        labels[:edge, 12 * i : 12 * i + edge] = i + 1
    return labels


def test_the_same_objects_under_other_numbers_agree_in_full():
    truth = squares(10, 8)
    score = score_objects(truth, np.where(truth > 0, 30 - truth, 0))
    assert (score.f1, score.jaccard, score.average_precision) == (1, 1, 1)
    assert score.mean_average_precision == 1


def test_a_smaller_object_is_found_as_far_as_it_overlaps():
    score = score_objects(squares(10, 10), squares(9, 5))  # IoU 0.81 and 0.25
    assert (score.n_true, score.n_found) == (2, 2)
    assert score.f1 == pytest.approx(0.5)
    assert score.jaccard == pytest.approx(0.81 / 2)
    assert score.average_precision == pytest.approx(1 / 3)
    assert score.mean_average_precision == pytest.approx(0.7 / 3)


def test_planes_are_compared_one_by_one():
    truth = np.stack([squares(10, 0), squares(0, 10)])
    score = score_objects(truth, truth[::-1])
    assert (score.n_true, score.n_found, score.f1) == (2, 2, 0)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="shapes"):
        score_objects(squares(5), squares(5, 5))
    with pytest.raises(ValueError, match="no object"):
        score_objects(squares(0), squares(5))
