"""imagine-recordio's own side: headers, labels, indexes, the writer that needs MXNet."""

from __future__ import annotations

import importlib.util
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from imagine_common.errors import ImagineError
from imagine_common.packers.records import Image
from imagine_recordio import create_recordio
from imagine_recordio.shards import RecordIOFormat
from support import JPEG, lines, read_recordio, run

FORMAT = RecordIOFormat(b"")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "source" / "image.jpg"
    path.parent.mkdir()
    path.write_bytes(JPEG)
    return path


# mxnet.recordio.pack(IRHeader(0, label, 7, 0), b"") of MXNet 1.9.1.
@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ((), "00000000 00000000 0700000000000000 0000000000000000"),
        ((3,), "00000000 00004040 0700000000000000 0000000000000000"),
        (
            (3, 4, 5),
            "03000000 00000000 0700000000000000 0000000000000000 00004040 00008040 0000a040",
        ),
    ],
)
def test_headers_are_mxnets_bytes(labels: tuple[int, ...], expected: str) -> None:
    frame_bytes = 8
    record = b"".join(FORMAT.record(Image(7, b"x", labels, 0)))
    assert record[frame_bytes:] == bytes.fromhex(expected)


@pytest.mark.parametrize("label", [2**24, 2**24 + 2, 2**40])
def test_labels_that_float32_holds_are_taken(label: int) -> None:
    assert FORMAT.image_limit(Image(0, b"x", (label,))) == 2**29 - 1 - 24
    record = b"".join(FORMAT.record(Image(0, b"x", (label,), 0)))
    assert struct.unpack_from("<IfQQ", record, 8)[1] == label


@pytest.mark.parametrize("labels", [(2**24 + 1,), (1, 2**24 + 1), (2**63 - 1,)])
def test_labels_that_float32_would_change_are_refused(labels: tuple[int, ...]) -> None:
    with pytest.raises(ImagineError, match=f"cat.jpg: label {labels[-1]} has no exact float32"):
        FORMAT.image_limit(Image(0, b"cat.jpg", labels))


def test_a_label_that_float32_would_change_exits_1(tmp_path: Path, image: Path) -> None:
    result = run("recordio", input=f"{image}\t16777217\n".encode(), cwd=tmp_path)
    assert result.returncode == 1
    assert f"error: {image}: label 16777217 has no exact float32".encode() in result.stderr
    assert sorted(os.listdir(tmp_path)) == ["source"]


def test_index_keys_are_positions_in_the_dataset_and_offsets_are_the_records(
    tmp_path: Path, image: Path
) -> None:
    result = run("recordio", "--img-per-file", "3", input=f"{image}\n".encode() * 5, cwd=tmp_path)
    assert lines(result.stdout) == ["./recordio_0.rec", "./recordio_1.rec"]
    position = 0
    for number, count in ((0, 3), (1, 2)):
        records = list(read_recordio((tmp_path / f"recordio_{number}.rec").read_bytes()))
        index = (tmp_path / f"recordio_{number}.idx").read_text()
        assert len(records) == count
        expected = ""
        for record in records:
            assert struct.unpack_from("<IfQQ", record.data) == (0, 0, position, 0)
            assert record.data[24:] == JPEG
            expected += f"{position}\t{record.offset}\n"
            position += 1
        assert index == expected


def test_an_image_with_the_magic_number_in_it_reads_back(tmp_path: Path, image: Path) -> None:
    magic = b"\x0a\x23\xd7\xce"
    data = JPEG + b"#" * (-len(JPEG) % 4) + magic + b"odd" + magic + b"#" + magic
    image.write_bytes(data)
    run("recordio", input=f"{image}\t4\n".encode(), cwd=tmp_path)
    file = (tmp_path / "recordio_0.rec").read_bytes()
    (record,) = read_recordio(file)
    assert record.data == struct.pack("<IfQQ", 0, 4, 0, 0) + data
    assert struct.unpack_from("<I", file, 4)[0] >> 29 == 1


def test_no_index_stands_beside_a_file_that_is_not_its_own(tmp_path: Path, image: Path) -> None:
    run("recordio", input=f"{image}\n".encode() * 5, cwd=tmp_path)
    # The new file can't be put in place, so the old index, by then gone, must not come back.
    (tmp_path / "recordio_0.rec").unlink()
    (tmp_path / "recordio_0.rec").mkdir()
    result = run("recordio", input=f"{image}\n".encode(), cwd=tmp_path)
    assert result.returncode == 1
    assert sorted(os.listdir(tmp_path)) == ["recordio_0.rec", "source"]


def test_the_function_packs_a_folder_and_prints_nothing(
    tmp_path: Path, image: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (image.parent / "image2.jpg").write_bytes(JPEG)
    summary = create_recordio(image.parent, tmp_path / "out", "r_", 1)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["r_0.idx", "r_0.rec", "r_1.idx", "r_1.rec"]
    size = sum(path.stat().st_size for path in (tmp_path / "out").iterdir())
    assert summary[:3] == (2, 2, size)
    assert capfd.readouterr() == ("", "")


def test_without_mxnet_its_writer_names_the_package(tmp_path: Path, image: Path) -> None:
    assert importlib.util.find_spec("mxnet") is None
    args = ["--writer", "mxnet", "--source-path", image.parent, "--dest-path", "out"]
    result = run("recordio", *args, cwd=tmp_path)
    assert result.returncode == 2
    assert b"in a checkout: pip install './packages/imagine-recordio[mxnet]'" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.process
def test_packing_does_not_import_pillow(tmp_path: Path, image: Path) -> None:
    code = (
        "import sys; from imagine_recordio.cli import main; assert main(sys.argv[1:]) == 0;"
        "sys.exit(repr([n for n in ('PIL', 'mxnet') if n in sys.modules]))"
    )
    args = ["-q", "--source-path", str(image.parent), "--dest-path", str(tmp_path)]
    result = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True)
    assert result.stderr.strip() == "[]"


def test_labels_are_checked_with_their_offset(tmp_path: Path, image: Path) -> None:
    args = ["--dest-path", tmp_path / "out", "--label-offset", str(2**24)]
    assert run("recordio", *args, input=f"{image}\t0\n".encode()).returncode == 0
    result = run("recordio", *args, input=f"{image}\t1\n".encode())
    assert result.returncode == 1
    assert b"label 16777217 has no exact float32" in result.stderr
