from __future__ import annotations

import pytest
from pydantic import ValidationError

from napari_denoisplit.cli.parts.errors import UsageError, exit_code, one_line
from napari_denoisplit.errors import ImageError
from napari_denoisplit.settings import SplitSettings


def test_a_message_over_several_lines_becomes_one_line():
    assert one_line(RuntimeError("CUDA out of memory.\n  Tried 2 GiB")) == (
        "CUDA out of memory. Tried 2 GiB"
    )


def test_an_error_of_the_file_system_names_the_file(tmp_path):
    with pytest.raises(OSError, match="absent") as caught:
        (tmp_path / "absent").read_bytes()
    assert one_line(caught.value).startswith(str(tmp_path / "absent"))


def test_a_setting_out_of_range_names_the_setting_and_what_was_given():
    with pytest.raises(ValidationError) as caught:
        SplitSettings(n_samples=0)
    line = one_line(caught.value)
    assert "n_samples" in line
    assert "given: 0" in line


def test_an_error_without_words_still_says_its_kind():
    assert one_line(KeyError()) == "KeyError"


@pytest.mark.parametrize(
    ("python", "command"),
    [
        ("choose one with series=0 to 4.", "choose one with --series 0 to 4."),
        ("read it with axes='TYX'.", "read it with --axes 'TYX'."),
        ("found with recursive=True.", "found with --recursive."),
        ("the axes = TYX", "the axes = TYX"),
    ],
)
def test_what_is_proposed_for_python_is_said_as_the_option_of_the_command(python, command):
    assert one_line(ImageError(python)) == command


def test_wrong_calls_and_failures_end_with_different_codes():
    assert exit_code(UsageError("no such name")) == 2
    assert exit_code(ImageError("no such axis")) == 1
