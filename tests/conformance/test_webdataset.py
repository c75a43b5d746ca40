"""Real WebDataset reads what imagine streams, and imagine what WebDataset writes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import webdataset as wds
from PIL import Image

from support import lines, read_recordio, run
from tars import archive

SIZE = ["--width", "32", "--height", "24", "--count", "10"]


def samples(path: Path) -> list[dict[str, object]]:
    return list(wds.WebDataset(str(path), shardshuffle=False))


@pytest.mark.parametrize("image_format", ["jpg", "png"])
def test_a_generated_stream_is_a_shard(tmp_path: Path, image_format: str) -> None:
    args = [*SIZE, "--classes", "4", "--image-format", image_format]
    shard = tmp_path / "shard-000000.tar"
    shard.write_bytes(run("gen", "--tar", *args).stdout)
    files = [
        Path(line.split("\t")[0]).read_bytes()
        for line in lines(run("gen", "--path", tmp_path / "images", *args).stdout)
    ]
    found = samples(shard)
    assert [sample["__key__"] for sample in found] == [f"image_{n}" for n in range(10)]
    assert [sample[image_format] for sample in found] == files
    assert [sample["cls"] for sample in found] == [b"%d" % (n % 4) for n in range(10)]


def test_generated_shards_have_all_samples_in_order(tmp_path: Path) -> None:
    args = ("--tar", *SIZE, "--classes", "4", "--name-format", "s-{shard:0*}-{total}")
    made = run("gen", *args, "--shard-samples", "3", "--path", tmp_path, "--index")
    assert lines(made.stdout) == [f"{tmp_path}/s-{number}-4.tar" for number in range(4)]
    (stream := tmp_path / "stream").write_bytes(run("gen", *args[:9]).stdout)
    shards = wds.WebDataset(f"{tmp_path}/s-{{0..3}}-4.tar", shardshuffle=False)
    found = [{key: sample[key] for key in ("__key__", "jpg", "cls")} for sample in shards]
    assert found == [
        {key: sample[key] for key in ("__key__", "jpg", "cls")} for sample in samples(stream)
    ]
    # The index leads to the bytes that webdataset returns.
    for shard in map(Path, lines(made.stdout)):
        data = shard.read_bytes()
        _, *index = (line.split() for line in shard.with_suffix(".idx").read_text().splitlines())
        for sample in samples(shard):
            (_, begin, size, _, _, label_begin, *_) = index.pop(0)
            assert data[int(begin) : int(begin) + int(size)] == sample["jpg"]
            assert data[int(label_begin) : int(label_begin) + 1] == sample["cls"]
        assert not index


def test_images_and_labels_are_decoded(tmp_path: Path) -> None:
    shard = tmp_path / "shard-000000.tar"
    shard.write_bytes(run("gen", "--tar", *SIZE, "--classes", "4").stdout)
    dataset = wds.WebDataset(str(shard), shardshuffle=False).decode("rgb8").to_tuple("jpg", "cls")
    found = list(dataset)
    assert [label for _, label in found] == [n % 4 for n in range(10)]
    for (pixels, _), sample in zip(found, samples(shard)):
        data = sample["jpg"]
        assert isinstance(data, bytes)
        np.testing.assert_array_equal(pixels, np.asarray(Image.open(io.BytesIO(data))))


def test_names_that_need_an_extended_header_are_read(tmp_path: Path) -> None:
    names = ["größe/" + "n" * 120, "d/" * 60 + "x"]
    shard = tmp_path / "shard-000000.tar"
    shard.write_bytes(archive([(f"{name}.jpg", b"data") for name in names]))
    assert [sample["__key__"] for sample in samples(shard)] == names


def test_a_shard_that_webdataset_wrote_is_packed(tmp_path: Path) -> None:
    image = np.arange(32 * 24 * 3, dtype=np.uint8).reshape(24, 32, 3)
    shard = tmp_path / "shard-000000.tar"
    with wds.TarWriter(str(shard)) as writer:
        for n in range(10):
            sample = {"jpg": image + n, "cls": n * 3, "json": {"n": n}}
            writer.write({"__key__": f"{n:06d}", **sample})
    result = run("recordio", "--tar", "--dest-path", tmp_path, input=shard.read_bytes())
    assert result.returncode == 0, result.stderr
    assert b"ignored 10 non-image tar members" in result.stderr
    (path,) = lines(result.stdout)
    records = [record.data for record in read_recordio(Path(path).read_bytes())]
    assert [np.frombuffer(data[4:8], "<f4")[0] for data in records] == [n * 3 for n in range(10)]
    assert [data[24:] for data in records] == [sample["jpg"] for sample in samples(shard)]
