from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagine_common.cli.report import Report
from imagine_tfrecord import cli
from support import PNG


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_the_clock_starts_after_the_record_format_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    events = []
    load, start = cli.TFRecordPacker.record_format, Report.__init__

    def loading(*args):  # type: ignore[no-untyped-def]
        events.append("load")
        return load(*args)

    def starting(*args, **options):  # type: ignore[no-untyped-def]
        events.append("start")
        start(*args, **options)

    monkeypatch.setattr(cli.TFRecordPacker, "record_format", loading)
    monkeypatch.setattr(Report, "__init__", starting)
    paths = ["--source-path", os.fspath(tmp_path), "--dest-path", os.fspath(tmp_path / "out")]
    assert cli.main([*paths, "--workers", "1", *more]) == 0
    assert events == ["load", "start"]
