"""What is not good is read first."""

from __future__ import annotations

from napari_denoisplit.widgets.parts.grade_words import gravest_first


def test_what_is_not_good_comes_first_with_its_mark() -> None:
    told = gravest_first(
        [
            "Split cells into nuclei and actin.",
            "Its grey levels are twice those of the training images.",
            "usable: A little haze.",
            "b: do not use: Another specimen.",
            "usable: A little haze.",
        ]
    )
    assert told.splitlines() == [
        "✖ b: do not use: Another specimen.",
        "● usable: A little haze.",
        "Split cells into nuclei and actin.",
        "Its grey levels are twice those of the training images.",
    ]


def test_where_all_is_good_the_order_stays() -> None:
    assert gravest_first(["Split b.", "A note."]) == "Split b.\nA note."
