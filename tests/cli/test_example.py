from __future__ import annotations

import pytest

from napari_denoisplit.cli import main


def test_the_example_is_written_with_the_command_that_splits_it(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["example", str(tmp_path / "new")])
    assert not end.value.code
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Next: denoisplit split ")
    *_, model, image = last.split()
    assert {model, image} <= {str(path) for path in (tmp_path / "new").iterdir()}
