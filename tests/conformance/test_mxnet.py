"""Real MXNet reads what imagine writes, and writes the same bytes itself."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
import pytest
from PIL import Image

from direct_files import CHROMAS, direct_files
from support import JPEG, lines, manifest, run

MAGIC = struct.pack("<I", 0xCED7230A)


@pytest.fixture
def dataset(tmp_path: Path) -> list[Path]:
    """Give ten PNG images, and beside them two RecordIO files with labels 0 to 9."""
    size = ["--width", "32", "--height", "24", "--count", "10", "--image-format", "png"]
    paths = lines(run("gen", "--path", tmp_path / "images", *size).stdout)
    source = "".join(f"{path}\t{n}\n" for n, path in enumerate(paths)).encode()
    result = run("recordio", "--dest-path", tmp_path, "--img-per-file", "5", input=source)
    assert len(lines(result.stdout)) == 2
    return [Path(path) for path in paths]


def test_indexed_recordio_reads_every_record(tmp_path: Path, dataset: list[Path]) -> None:
    found = []
    for n in range(2):
        stem = tmp_path / f"recordio_{n}"
        reader = mx.recordio.MXIndexedRecordIO(f"{stem}.idx", f"{stem}.rec", "r")
        for key in reader.keys:
            header, image = mx.recordio.unpack(reader.read_idx(key))
            assert (header.flag, header.id, header.id2) == (0, key, 0)
            assert image == dataset[key].read_bytes()
            found.append((key, header.label))
    assert found == [(n, float(n)) for n in range(10)]


@pytest.mark.parametrize("key", ["position", "id"])
def test_indexes_of_mxnets_files_are_read(tmp_path: Path, key: str) -> None:
    """Files whose records MXNet writes, some in several chunks, under ids that it does not give."""
    start = JPEG + bytes(-len(JPEG) % 4)
    images = [start + MAGIC * (n % 3) + bytes([n]) * n for n in range(9)]
    path = tmp_path / "x.rec"
    writer = mx.recordio.MXRecordIO(str(path), "w")
    for n, image in enumerate(images):
        writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, 7, 10 * n, 0), image))
    writer.close()
    result = run("recordio", "--index-only", "--index-key", key, path)
    assert lines(result.stdout) == [str(tmp_path / "x.idx")]
    reader = mx.recordio.MXIndexedRecordIO(str(tmp_path / "x.idx"), str(path), "r")
    assert reader.keys == [n if key == "position" else 10 * n for n in range(9)]
    assert [mx.recordio.unpack(reader.read_idx(key))[1] for key in reader.keys] == images


@pytest.mark.parametrize("content", ["noise", "photo"])
@pytest.mark.parametrize("chroma", CHROMAS)
def test_mxnet_decodes_direct_images(tmp_path: Path, chroma: str, content: str) -> None:
    for path in direct_files(tmp_path, chroma, content):
        with Image.open(path) as image:
            expected = np.atleast_3d(np.asarray(image))
        color = 0 if expected.shape[2] == 1 else 1
        decoded = mx.image.imdecode(path.read_bytes(), flag=color).asnumpy()
        np.testing.assert_array_equal(decoded, expected)


@pytest.mark.parametrize("image_format", ["jpg", "png", "png --content photo", "tiff"])
def test_mxnet_decodes_files_with_filler(tmp_path: Path, image_format: str) -> None:
    size = ["--width", "301", "--height", "203", "--image-format", *image_format.split()]
    made = run("gen", "--path", tmp_path / "images", *size, "--compress-ratio", "4")
    (path,) = lines(made.stdout)
    decoded = mx.image.imdecode(Path(path).read_bytes()).asnumpy()
    np.testing.assert_array_equal(decoded, np.asarray(Image.open(path)))


@pytest.mark.parametrize("image_format", ["jpg", "jpg --direct", "png", "bmp", "tiff"])
def test_stamps_leave_pixels_as_they_are(tmp_path: Path, image_format: str) -> None:
    size = ["--width", "57", "--height", "43", "--image-format", *image_format.split()]
    pixels = []
    for name, more in (("plain", []), ("stamped", ["--stamp"])):
        (path,) = lines(run("gen", "--path", tmp_path / name, *size, *more).stdout)
        pixels.append(mx.image.imdecode(Path(path).read_bytes()).asnumpy())
    np.testing.assert_array_equal(*pixels)


def test_image_record_iter_decodes_every_image(tmp_path: Path, dataset: list[Path]) -> None:
    labels = []
    for n in range(2):
        iterator = mx.io.ImageRecordIter(
            path_imgrec=str(tmp_path / f"recordio_{n}.rec"),
            path_imgidx=str(tmp_path / f"recordio_{n}.idx"),
            data_shape=(3, 24, 32),
            batch_size=5,
            preprocess_threads=1,
        )
        for batch in iterator:
            assert batch.pad == 0
            for image, label in zip(batch.data[0].asnumpy(), batch.label[0].asnumpy()):
                expected = np.asarray(Image.open(dataset[int(label)])).transpose(2, 0, 1)
                np.testing.assert_array_equal(image, expected)
                labels.append(int(label))
    assert labels == list(range(10))


def test_gluon_reads_every_image(tmp_path: Path, dataset: list[Path]) -> None:
    records = mx.gluon.data.vision.ImageRecordDataset(str(tmp_path / "recordio_1.rec"))
    assert len(records) == 5
    for n, (image, label) in enumerate(records):
        assert label == 5 + n
        np.testing.assert_array_equal(image.asnumpy(), np.asarray(Image.open(dataset[5 + n])))


@pytest.mark.parametrize("kind", ["jpg", "png", "png --pooled", "bmp", "bmp --pooled"])
def test_mxnet_decodes_every_format(tmp_path: Path, kind: str) -> None:
    size = ["--width", "32", "--height", "77", "--count", "3", "--image-format", *kind.split()]
    made = run("gen", "--path", tmp_path / "images", *size)
    run("recordio", "--dest-path", tmp_path, input=made.stdout)
    records = mx.gluon.data.vision.ImageRecordDataset(str(tmp_path / "recordio_0.rec"))
    images = [image.asnumpy() for image, _ in records]
    assert [image.shape for image in images] == [(77, 32, 3)] * 3
    if kind != "jpg":  # OpenCV, which MXNet decodes with, may differ by a rounding there.
        for image, path in zip(images, lines(made.stdout)):
            np.testing.assert_array_equal(image, np.asarray(Image.open(path)))


def test_several_labels_are_read_as_a_vector(tmp_path: Path) -> None:
    image = tmp_path / "image.jpg"
    image.write_bytes(JPEG)
    run("recordio", "--dest-path", tmp_path, input=f"{image}\t1,5,7\n".encode())
    stem = tmp_path / "recordio_0"
    reader = mx.recordio.MXIndexedRecordIO(f"{stem}.idx", f"{stem}.rec", "r")
    header, data = mx.recordio.unpack(reader.read_idx(0))
    assert header.label.tolist() == [1, 5, 7]
    assert data == JPEG


def batches(stem: Path, count: int, **more: Any) -> tuple[Any, list[list[float]]]:
    """Return images and labels that `ImageRecordIter` gives, by the index."""
    iterator = mx.io.ImageRecordIter(
        path_imgrec=f"{stem}.rec",
        path_imgidx=f"{stem}.idx",
        data_shape=(3, 24, 32),
        batch_size=count,
        preprocess_threads=1,
        **more,
    )
    (batch,) = iterator
    assert batch.pad == 0
    return batch.data[0].asnumpy(), batch.label[0].asnumpy().tolist()


def test_image_record_iter_reads_several_labels(tmp_path: Path, dataset: list[Path]) -> None:
    source = "".join(f"{path}\t{n},{n * n},7\n" for n, path in enumerate(dataset)).encode()
    args = ["--dest-path", tmp_path / "out", "--label-offset", "1"]
    run("recordio", *args, input=source)
    images, labels = batches(tmp_path / "out" / "recordio_0", 10, label_width=3)
    assert labels == [[n + 1, n * n + 1, 8] for n in range(10)]
    for image, path in zip(images, dataset):
        np.testing.assert_array_equal(image, np.asarray(Image.open(path)).transpose(2, 0, 1))


def test_a_list_is_packed_as_im2rec_packs_it(tmp_path: Path, dataset: list[Path]) -> None:
    """With --pack-label and --pass-through; the records' bytes are those of mxnet.recordio."""
    items = [(index, [index / 3, 2.0, -1.5], dataset[index]) for index in (7, 2, 9, 0, 4)]
    text = "".join(
        "\t".join([str(index), *(f"{label:f}" for label in labels), f"{path.name}\n"])
        for index, labels, path in items
    )
    (tmp_path / "x.lst").write_text(text)
    root = ["--lst", tmp_path / "x.lst", "--root", dataset[0].parent]
    result = run("recordio", *root, "--dest-path", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    theirs = mx.recordio.MXIndexedRecordIO(
        str(tmp_path / "theirs.idx"), str(tmp_path / "theirs.rec"), "w"
    )
    for line in text.splitlines():
        index, *labels, name = line.split("\t")
        header = mx.recordio.IRHeader(0, list(map(float, labels)), int(index), 0)
        image = (dataset[0].parent / name).read_bytes()
        theirs.write_idx(int(index), mx.recordio.pack(header, image))
    theirs.close()
    for suffix in ("rec", "idx"):
        ours = tmp_path / "out" / f"recordio_0.{suffix}"
        assert ours.read_bytes() == (tmp_path / f"theirs.{suffix}").read_bytes()
    images, read = batches(tmp_path / "out" / "recordio_0", 5, label_width=3)
    found = {round(label[0] * 3): image for image, label in zip(images, read)}
    assert sorted(found) == [0, 2, 4, 7, 9]
    for number, _, path in items:
        expected = np.asarray(Image.open(path)).transpose(2, 0, 1)
        np.testing.assert_array_equal(found[number], expected)
    run("recordio", *root, "--dest-path", tmp_path / "mx", "--writer", "mxnet")
    for suffix in ("rec", "idx"):
        name = f"recordio_0.{suffix}"
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "mx" / name).read_bytes()


def test_the_merged_index_leads_to_every_record(tmp_path: Path, dataset: list[Path]) -> None:
    """Of the files one after another, as which DALI reads them; MXNet takes them as one file."""
    source = "".join(f"{path}\t{n}\n" for n, path in enumerate(dataset)).encode()
    args = ["--dest-path", tmp_path / "out", "--img-per-file", "3", "--merged-index"]
    files = lines(run("recordio", *args, input=source).stdout)
    together = tmp_path / "together.rec"
    together.write_bytes(b"".join(Path(path).read_bytes() for path in files))
    index = tmp_path / "out" / "recordio_merged.idx"
    reader = mx.recordio.MXIndexedRecordIO(str(index), str(together), "r")
    assert reader.keys == list(range(10))
    for key in reversed(reader.keys):
        header, image = mx.recordio.unpack(reader.read_idx(key))
        assert (header.id, header.label) == (key, key)
        assert image == dataset[key].read_bytes()


def test_both_writers_write_the_same_bytes(tmp_path: Path) -> None:
    """The magic number stands in the images at multiples of 4 and elsewhere, and at their end."""
    aligned = JPEG + bytes(-len(JPEG) % 4)
    images = [
        JPEG,
        JPEG + b"1",
        aligned + MAGIC,
        aligned + MAGIC + b"rest",
        aligned + MAGIC + MAGIC + b"odd",
        aligned + b"1" + MAGIC,
        aligned + b"12" + MAGIC + b"345" + MAGIC * 3,
        aligned + bytes(100_000) + MAGIC + bytes(100_001),
    ]
    source = b""
    for n, image in enumerate(images):
        path = tmp_path / f"{n}.jpg"
        path.write_bytes(image)
        label = ["", "\t0", "\t16777216", "\t3,200,70000"][n % 4]
        source += f"{path}{label}\n".encode()
    for writer in ("native", "mxnet"):
        args = ["--dest-path", tmp_path / writer, "--img-per-file", "3", "--writer", writer]
        result = run("recordio", *args, input=source)
        assert result.returncode == 0, result.stderr
        assert len(lines(result.stdout)) == 3
        assert len(result.stderr.splitlines()) == 1
    for name in (f"recordio_{n}.{suffix}" for n in range(3) for suffix in ("rec", "idx")):
        assert (tmp_path / "native" / name).read_bytes() == (tmp_path / "mxnet" / name).read_bytes()
    for n in range(3):
        stem = tmp_path / "native" / f"recordio_{n}"
        reader = mx.recordio.MXIndexedRecordIO(f"{stem}.idx", f"{stem}.rec", "r")
        for key in reader.keys:
            assert mx.recordio.unpack(reader.read_idx(key))[1] == images[key]


def test_mxnets_writer_leaves_nothing_unfinished(tmp_path: Path) -> None:
    image = tmp_path / "image.jpg"
    image.write_bytes(JPEG)
    source = manifest([image, image, image, tmp_path / "missing.jpg"])
    args = ["--dest-path", tmp_path / "out", "--img-per-file", "2", "--writer", "mxnet"]
    result = run("recordio", *args, input=source)
    assert result.returncode == 1
    assert b"missing.jpg: No such file" in result.stderr
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["recordio_0.idx", "recordio_0.rec"]


def test_files_from_mxnet_pass_the_test(tmp_path: Path) -> None:
    """As im2rec does: keys in any order, several labels, images that hold the magic number."""
    writer = mx.recordio.MXIndexedRecordIO(str(tmp_path / "x.idx"), str(tmp_path / "x.rec"), "w")
    aligned = JPEG + bytes(-len(JPEG) % 4)
    for key, label in ((7, 3.5), (2, [1, 5, 7]), (11, 9), (0, 0)):
        header = mx.recordio.IRHeader(0, label, key, 0)
        writer.write_idx(key, mx.recordio.pack(header, aligned + MAGIC * (key % 3)))
    writer.close()
    result = run("recordio", "--test", tmp_path / "x.rec")
    assert result.returncode == 0, result.stderr
    (summary,) = result.stderr.decode().splitlines()
    assert ": 1 good file, 4 records, " in summary
    assert summary.endswith(", labels 0 to 9")
