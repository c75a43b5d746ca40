"""The store in a process's own memory: objects appear whole, and can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from imagine_common.errors import ImagineError
from imagine_common.files.folders import is_folder, list_folder, names_in
from imagine_common.files.storage import exists, open_input, output_file, remove_file
from imagine_gen.create import create_images
from imagine_recordio.pack import create_recordio
from imagine_recordio.shards import RecordIOFormat
from imagine_tfrecord.pack import create_tfrecords
from support import read_recordio, read_tfrecords, run_process

MIB = 1 << 20


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    MemoryFileSystem.store.clear()
    yield
    MemoryFileSystem.store.clear()


def read(url: bytes) -> bytes:
    with open_input(url, "an object") as file:
        return file.read_at(0, file.size)


@pytest.mark.parametrize("size", [0, 1, 5 * MIB, 33 * MIB])
def test_a_written_file_appears_when_the_block_ends(size: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    with output_file(b"memory://x/y") as file:
        file.write([data[: size // 2], memoryview(data)[size // 2 :]])
        assert not exists(b"memory://x/y")
    assert read(b"memory://x/y") == data


def test_an_error_keeps_the_existing_file() -> None:
    with output_file(b"memory://x") as file:
        file.write([b"before"])
    with pytest.raises(TypeError), output_file(b"memory://x") as file:
        file.write([bytes(40 * MIB), None])  # type: ignore[list-item]
    assert read(b"memory://x") == b"before"


def test_buffers_may_change_after_a_flush() -> None:
    buffer = bytearray(b"first")
    with output_file(b"memory://x") as file:
        file.write([memoryview(buffer)])
        file.flush()
        buffer[:] = b"other"
        file.write([memoryview(buffer)])
    assert read(b"memory://x") == b"firstother"


def test_many_small_buffers() -> None:
    with output_file(b"memory://x") as file:
        for n in range(10_000):
            file.write([b"%d," % n])
        assert file.size == 48_890
    assert read(b"memory://x").split(b",")[-2] == b"9999"


def test_an_older_index_goes_before_its_file_is_replaced() -> None:
    files = (b"memory://x/a.rec", b"memory://x/a.idx")
    record_format = RecordIOFormat(b"")
    with record_format.open_files(files, fsync=False) as (file, index):
        file.write([b"1"])
        index.write([b"0\t0\n"])
    with (
        pytest.raises(ZeroDivisionError),
        record_format.open_files(files, fsync=False) as (file, index),
    ):
        raise ZeroDivisionError
    assert dict(list_folder(b"memory://x")) == {b"a.idx": False, b"a.rec": False}


def test_objects_are_read_at_any_place_and_as_streams() -> None:
    data = bytes(range(256)) * 40_000
    with output_file(b"memory://x") as file:
        file.write([data])
    with open_input(b"memory://x", "an object") as found:
        assert found.size == len(data)
        for offset, size in [(0, 10), (5, 10_000), (3, 2), (len(data) - 3, 10), (len(data), 4)]:
            assert found.read_at(offset, size) == data[offset : offset + size]
        with found.stream() as stream:
            assert stream.read(100) == data[:100]
            assert stream.read() == data[100:]
            assert stream.read(1) == b""


def test_folders_are_the_common_prefix_of_names() -> None:
    for name in (b"a/x", b"a/y", b"a/b/z", b"c"):
        with output_file(b"memory://f/" + name) as file:
            file.write([b"data"])
    assert dict(list_folder(b"memory://f/a")) == {b"x": False, b"y": False, b"b": True}
    assert list(names_in(b"memory://f/a", b"x")) == [b"x"]
    assert is_folder(b"memory://f/a/b")
    assert not is_folder(b"memory://f/d")
    remove_file(b"memory://f/c")
    remove_file(b"memory://f/c")
    assert not exists(b"memory://f/c")


def test_a_missing_object_is_named() -> None:
    with pytest.raises(ImagineError, match="memory://x: no such object"):
        open_input(b"memory://x", "an object")
    with pytest.raises(ImagineError, match="no such object; the name ends with a carriage return"):
        open_input(b"memory://x\r", "an object")


def test_the_functions_take_urls(tmp_path: Path) -> None:
    create_images("memory://img", "i_", 8, 8, 5, "png", workers=1)
    create_tfrecords("memory://img", "memory://rec", "r_", 3, workers=1, index=True)
    create_recordio("memory://img", "memory://rec", "o_", 3, workers=1, merged_index=True)
    images = [read(b"memory://img/i_%d.png" % n) for n in range(5)]
    records = [
        record.data for n in range(2) for record in read_tfrecords(read(b"memory://rec/r_%d" % n))
    ]
    assert all(image in record for image, record in zip(images, records))
    others = [
        record.data[24:]
        for n in range(2)
        for record in read_recordio(read(b"memory://rec/o_%d.rec" % n))
    ]
    assert others == images
    assert exists(b"memory://rec/r_1.idx")
    assert exists(b"memory://rec/o_merged.idx")


def test_more_than_one_process_is_refused() -> None:
    args = ["--path", "memory://x", "--width", "8", "--height", "8", "--count", "40"]
    result = run_process("gen", *args, "--workers", "2", "--chunksize", "5")
    assert result.returncode == 1
    assert b"memory://x/image_0.jpg: in the memory of one process" in result.stderr
