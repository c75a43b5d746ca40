"""Images with numbers, and the numbers and labels of those in record files."""

from __future__ import annotations

import struct
from pathlib import Path

from support import JPEG, lines, read_recordio, read_tfrecords, run


def images_of(tool: str, path: str | Path) -> list[tuple[int, list[float]]]:
    """Return the number at each image's end, and the image's labels (of one byte in TFRecord)."""
    data = Path(path).read_bytes()
    found: list[tuple[int, list[float]]] = []
    for record in (read_tfrecords if tool == "tfrecord" else read_recordio)(data):
        number = int(record.data.split(b"#")[-2])
        if tool == "tfrecord":
            values = record.data.split(b"image/class/label\x12", 1)[1]
            labels = list(map(float, values[5 : 5 + values[4]]))
        else:
            flag, label = struct.unpack_from("<If", record.data)
            labels = list(struct.unpack_from(f"<{flag}f", record.data, 24)) if flag else [label]
        found.append((number, labels))
    return found


def make(folder: Path, names: list[str]) -> None:
    """Make images that end with different numbers."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(JPEG + b"#%d#" % number)


def packed(tool: str, tmp_path: Path, *args: object) -> list[tuple[int, list[float]]]:
    """Pack images into one file and return their numbers and labels."""
    result = run(tool, "--dest-path", tmp_path / "out", *args)
    assert result.returncode == 0, result.stderr
    (path,) = lines(result.stdout)
    return images_of(tool, path)
