from __future__ import annotations

from collections.abc import Iterator

import pytest

from imagine_common.errors import ImagineError
from imagine_common.files.others import Others


def unreadable() -> Iterator[bytes]:
    yield b"x1"
    raise ImagineError("d: Permission denied")


@pytest.mark.parametrize("keep", [False, None])
def test_a_folder_that_cannot_be_listed_is_a_warning(keep: bool | None) -> None:
    warnings: list[str] = []
    assert Others(False, keep, warnings.append).to_remove(b"d", unreadable()) == []
    (warning,) = warnings
    assert warning == (
        "d: Permission denied; files that another run left in the folder go unnoticed"
    )


def test_a_folder_to_be_cleaned_has_to_be_listed() -> None:
    with pytest.raises(ImagineError, match="Permission denied"):
        Others(clean=True).to_remove(b"d", unreadable())


def test_a_folder_is_not_listed_where_all_is_kept() -> None:
    assert Others(keep=True).to_remove(b"d", unreadable()) == []


def test_files_to_remove_are_returned() -> None:
    assert Others(clean=True).to_remove(b"d", iter([b"x1", b"x3"])) == [b"x1", b"x3"]


@pytest.mark.parametrize(
    ("names", "shown"),
    [([b"x"], "1 file of another run (x)"), ([b"x", b"y"], "2 files of another run (x to y)")],
)
def test_files_are_counted_and_named(names: list[bytes], shown: str) -> None:
    with pytest.raises(ImagineError) as error:
        Others().to_remove(b"d", names)
    assert str(error.value).startswith(f"d: has {shown}, which readers would take for files")
    assert "--clean removes them, --keep-others leaves them" in str(error.value)
