"""Tools that read from a bucket: lists, manifests and checks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from s3_server import Bucket, Proxy
from support import JPEG, PNG, contents, lines, manifest, read_tfrecords, run_process

GEN = ["--width", "16", "--height", "16", "--image-format", "png"]


def packed(bucket: Bucket, out: Path, *args: str) -> list[bytes]:
    """Pack a bucket's images into one local file; return the bytes that identify them, in order."""
    result = run_process("tfrecord", "--source-path", bucket.url, "--dest-path", out, *args)
    assert result.returncode == 0, result.stderr
    (path,) = lines(result.stdout)
    return [record.data.split(b"#")[-2] for record in read_tfrecords(Path(path).read_bytes())]


def test_a_folder_is_packed_in_natural_order_without_its_subfolders(
    bucket: Bucket, tmp_path: Path
) -> None:
    for n in range(12):
        bucket.put(f"img_{n}.jpg", JPEG + b"#%d#" % n)
    bucket.put("below/img_99.jpg", JPEG + b"#99#")
    bucket.put(".hidden.jpg", JPEG + b"#98#")
    bucket.put("img_3.txt", b"no image")
    bucket.put("img_4.empty", b"")
    assert packed(bucket, tmp_path) == [b"%d" % n for n in range(12)]


def test_folders_below_are_walked_and_can_be_labels(bucket: Bucket, tmp_path: Path) -> None:
    for name in ("b/2.jpg", "b/10.jpg", "a/1.jpg", "c.jpg", "a/x/7.jpg"):
        bucket.put(name, JPEG + f"#{name}#".encode())
    bucket.put("b/", b"")  # as consoles make folders
    found = packed(bucket, tmp_path, "--recursive")
    assert found == [b"a/1.jpg", b"a/x/7.jpg", b"b/2.jpg", b"b/10.jpg", b"c.jpg"]
    args = ["--source-path", bucket.url, "--dest-path", tmp_path, "--labels-from-dirs"]
    result = run_process("recordio", *args, check=True)
    assert b"ignored 1 unlabeled file" in result.stderr
    checked = run_process("recordio", "--test", tmp_path / "recordio_0.rec", check=True)
    assert b"4 records" in checked.stderr
    assert b"labels 0 to 1" in checked.stderr


@pytest.mark.parametrize("name", ["a//3.jpg", "a/./3.jpg", "a/b\t/3.jpg", "a/3\r"])
def test_a_folder_with_names_that_are_not_supported_is_refused(
    bucket: Bucket, tmp_path: Path, name: str
) -> None:
    for key in ("a/1.jpg", name):
        bucket.put(key, JPEG)
    args = ("--source-path", f"{bucket.url}/a", "--dest-path", tmp_path)
    result = run_process("tfrecord", *args)
    assert result.returncode == 1
    assert f"{bucket.url}/a: names with control characters" in result.stderr.decode()
    named = f"{bucket.url}/a/1.jpg\0{bucket.url}/{name}\0".encode()
    result = run_process("tfrecord", "-0", "--dest-path", tmp_path, input=named)
    assert result.returncode == 1
    assert b": names with control characters" in result.stderr


def test_a_scheme_may_be_in_capitals(bucket: Bucket) -> None:
    url = f"S3://{bucket.name}/im"
    made = run_process("gen", "--path", url, *GEN, "--count", "2")
    assert lines(made.stdout) == [f"{url}/image_{n}.png" for n in range(2)]
    assert sorted(bucket.sizes()) == ["im/image_0.png", "im/image_1.png"]
    verified = run_process("gen", "--path", url, *GEN, "--count", "2", "--verify")
    assert verified.returncode == 0, verified.stderr


def test_lists_of_more_than_a_page_are_read_to_their_end(proxy: Proxy, bucket: Bucket) -> None:
    from imagine_common.files.folders import list_folder

    for n in range(1_003):
        bucket.put(f"many/img_{n}", b"")
    for n in range(2):
        bucket.put(f"many/below_{n}/x", b"")
    found = sorted(list_folder(f"{bucket.url}/many".encode()))
    files = sorted((b"img_%d" % n, False) for n in range(1_003))
    assert found == [(b"below_0", True), (b"below_1", True), *files]
    # The first of a flat list shows that there are folders.
    assert sum("list-type=2" in request.path for request in proxy.requests) == 3


def test_a_flat_list_is_read_page_by_page(proxy: Proxy, bucket: Bucket) -> None:
    from imagine_common.files.folders import is_folder, names_in

    for n in range(1_003):
        bucket.put(f"many/img_{n}", b"")
    names = names_in(f"{bucket.url}/many".encode(), b"img_")
    assert next(names).startswith(b"img_")
    assert len(proxy.requests) == 1
    assert len(list(names)) == 1_002
    assert len(proxy.requests) == 2
    assert is_folder(f"{bucket.url}/many".encode())
    assert not is_folder(f"{bucket.url}/man".encode())


def test_names_that_are_not_supported_further_below_do_no_harm(
    bucket: Bucket, tmp_path: Path
) -> None:
    for key in ("1.jpg", "a/b//2.jpg"):
        bucket.put(key, JPEG + b"#%d#" % len(key))
    assert packed(bucket, tmp_path) == [b"5"]


def test_a_bucket_can_be_listed_before_workers_start_that_write(
    bucket: Bucket, tmp_path: Path
) -> None:
    for n in range(12):
        bucket.put(f"img/{n}.jpg", JPEG + b"#%d#" % n)
    args = ["--source-path", f"{bucket.url}/img", "--img-per-file", "4", "--workers", "2"]
    far = run_process("tfrecord", *args, "--dest-path", f"{bucket.url}/out", check=True)
    run_process("tfrecord", *args, "--dest-path", tmp_path, check=True)
    assert lines(far.stdout) == [f"{bucket.url}/out/tfrecord_{n}" for n in range(3)]
    assert bucket.contents("out/") == contents(tmp_path)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_manifest_may_mix_urls_and_paths(bucket: Bucket, tmp_path: Path, workers: str) -> None:
    paths = []
    for n in range(30):
        data = JPEG + b"#%d#" % n
        if n % 3:
            bucket.put(f"x/{n}", data)
            paths.append(f"{bucket.url}/x/{n}")
        else:
            (tmp_path / str(n)).write_bytes(data)
            paths.append(str(tmp_path / str(n)))
    out = tmp_path / "out"
    args = ["--dest-path", out, "--img-per-file", "15", "--workers", workers]
    result = run_process("tfrecord", *args, input=manifest(paths), check=True)
    found = [
        int(record.data.split(b"#")[-2])
        for path in lines(result.stdout)
        for record in read_tfrecords(Path(path).read_bytes())
    ]
    assert found == list(range(30))


def test_a_missing_object_is_named_with_its_line_or_left_out(
    bucket: Bucket, tmp_path: Path
) -> None:
    for n in (0, 1, 3, 4):
        bucket.put(str(n), JPEG)
    urls = [f"{bucket.url}/{n}" for n in range(5)]
    args = ["--dest-path", tmp_path / "out"]
    result = run_process("tfrecord", *args, input=manifest(urls))
    assert result.returncode == 1
    error = f"error: {bucket.url}/2: no such object (line 3 of the manifest)\n"
    assert result.stderr.decode().endswith(error)
    left_out = run_process("tfrecord", *args, "--skip-invalid", input=manifest(urls), check=True)
    assert b"4 images" in left_out.stderr
    assert b"1 image skipped" in left_out.stderr


def test_a_last_line_without_its_end_is_taken_where_the_object_is_there(
    bucket: Bucket, tmp_path: Path
) -> None:
    bucket.put("x", JPEG)
    args = ["--dest-path", tmp_path]
    assert run_process("tfrecord", *args, input=f"{bucket.url}/x".encode()).returncode == 0
    cut = run_process("tfrecord", *args, input=f"{bucket.url}/x\n{bucket.url}/".encode())
    assert b"may be cut off" in cut.stderr


def test_an_empty_prefix_and_one_without_images(bucket: Bucket, tmp_path: Path) -> None:
    result = run_process("tfrecord", "--source-path", f"{bucket.url}/none", "--dest-path", tmp_path)
    assert result.returncode == 1
    assert f"{bucket.url}/none: no images in this folder".encode() in result.stderr


def test_images_that_are_there_are_kept_and_others_made_again(bucket: Bucket) -> None:
    args = ["--path", f"{bucket.url}/img", *GEN, "--count", "30"]
    run_process("gen", *args, check=True)
    whole = bucket.contents()
    bucket.client.delete_object(Bucket=bucket.name, Key="img/image_3.png")
    bucket.put("img/image_5.png", whole["img/image_5.png"][:-1])
    bucket.put("img/image_7.png", PNG)
    result = run_process("gen", *args, "--resume", check=True)
    assert b"30 images (27 there already)" in result.stderr
    assert bucket.contents() == whole


def test_images_are_verified(bucket: Bucket) -> None:
    args = ["--path", f"{bucket.url}/img", *GEN, "--count", "12"]
    run_process("gen", *args, check=True)
    good = run_process("gen", *args, "--verify", check=True)
    assert lines(good.stdout) == [f"{bucket.url}/img/image_{n}.png" for n in range(12)]
    bucket.client.delete_object(Bucket=bucket.name, Key="img/image_3.png")
    data = bucket.get("img/image_5.png")
    bucket.put("img/image_5.png", data[:100] + b"!" + data[101:])
    bucket.put("img/image_12.png", data)
    bad = run_process("gen", *args, "--verify")
    assert bad.returncode == 1
    assert len(lines(bad.stdout)) == 10
    for finding in ("3.png: missing", "5.png: differs from byte 100", "12.png: extra"):
        assert f"{bucket.url}/img/image_{finding}" in bad.stderr.decode()
    none = run_process("gen", "--path", f"{bucket.url}/none", *GEN, "--verify")
    assert b"no such folder; nothing to verify" in none.stderr


@pytest.mark.parametrize(("tool", "more"), [("tfrecord", ["--index"]), ("recordio", [])])
def test_finished_files_are_kept_and_only_those(
    bucket: Bucket, tmp_path: Path, tool: str, more: list[str]
) -> None:
    for n in range(10):
        bucket.put(f"img/{n}.jpg", JPEG + b"#%d#" % n)
    args = ["--source-path", f"{bucket.url}/img", "--dest-path", f"{bucket.url}/out", *more]
    args += ["--img-per-file", "4", "--workers", "1"]
    run_process(tool, *args, check=True)
    whole = bucket.contents("out/")
    lost = next(name for name in whole if "_1" in name)
    bucket.client.delete_object(Bucket=bucket.name, Key=f"out/{lost}")
    result = run_process(tool, *args, "--resume", check=True)
    assert b"3 files (2 there already)" in result.stderr
    assert bucket.contents("out/") == whole
    bucket.put("img/0.jpg", JPEG + b"#other, longer#")
    other = run_process(tool, *args, "--resume")
    assert other.returncode == 1
    assert b"can't be resumed" in other.stderr


@pytest.mark.parametrize(("tool", "more"), [("tfrecord", ["--index"]), ("recordio", [])])
def test_record_files_are_checked(
    bucket: Bucket, tmp_path: Path, tool: str, more: list[str]
) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(JPEG + os.urandom(3_000_000))  # more than is looked at in one piece
    args = ["--dest-path", f"{bucket.url}/out", "--img-per-file", "4", *more]
    written = run_process(tool, *args, input=manifest([path] * 12), check=True)
    checked = run_process(tool, "--test", input=written.stdout, check=True)
    assert checked.stdout == written.stdout
    key = lines(written.stdout)[1].removeprefix(f"{bucket.url}/")
    data = bucket.get(key)
    bucket.put(key, data[:-20])
    bad = run_process(tool, "--test", input=written.stdout)
    assert bad.returncode == 1
    assert lines(bad.stdout) == [lines(written.stdout)[0], lines(written.stdout)[2]]
    assert f"{bucket.url}/{key}: record 3 at byte" in bad.stderr.decode()


@pytest.mark.parametrize(("tool", "more"), [("tfrecord", []), ("recordio", ["--index-key", "id"])])
def test_indexes_of_files_are_written(
    bucket: Bucket, tmp_path: Path, tool: str, more: list[str]
) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(JPEG)
    args = ["--dest-path", f"{bucket.url}/out", "--img-per-file", "4"]
    index = ["--index"] if tool == "tfrecord" else []
    files = run_process(tool, *args, *index, input=manifest([path] * 12), check=True).stdout
    suffix = "" if tool == "tfrecord" else ".rec"
    names = [f"{name.removesuffix(suffix)}.idx" for name in lines(files)]
    expected = {name: bucket.get(name.removeprefix(f"{bucket.url}/")) for name in names}
    for folder in (f"{bucket.url}/out", f"{bucket.url}/i", str(tmp_path / "i")):
        args = ["--index-path", folder] if folder != f"{bucket.url}/out" else []
        made = run_process(tool, "--index-only", *more, *args, input=files, check=True)
        assert lines(made.stdout) == [f"{folder}/{os.path.basename(name)}" for name in names]
        assert run_process(tool, "--test", *args, input=files).returncode == 0
    for name, data in expected.items():
        assert bucket.get(f"i/{os.path.basename(name)}") == data
        assert (tmp_path / "i" / os.path.basename(name)).read_bytes() == data


def test_shards_are_dealt_to_folders_of_a_store(bucket: Bucket, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(JPEG)
    args = ["--dest-path", f"{bucket.url}/d", "--img-per-file", "1", "--layout", "dlio", "--index"]
    for folders in (3, 2):
        more = ["--subfolders", str(folders), "--clean"]
        files = run_process("tfrecord", *args, *more, input=manifest([path] * 4), check=True).stdout
        names = [f"{bucket.url}/d/train/{n % folders}/tfrecord_{n}" for n in range(4)]
        assert lines(files) == names
        assert run_process("tfrecord", "--test", input=files, check=True).stdout == files
        keys = [name.removeprefix(f"{bucket.url}/") for name in names]
        indexes = [f"d/index/train/tfrecord_{n}.idx" for n in range(4)]
        assert sorted(bucket.sizes()) == sorted([*keys, *indexes])


def test_a_wrong_index_is_found(bucket: Bucket, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(JPEG)
    args = ["--dest-path", bucket.url, "--index"]
    run_process("tfrecord", *args, input=manifest([path] * 3), check=True)
    bucket.put("tfrecord_0.idx", bucket.get("tfrecord_0.idx")[:-1])
    result = run_process("tfrecord", "--test", f"{bucket.url}/tfrecord_0")
    assert f"{bucket.url}/tfrecord_0.idx: line 3".encode() in result.stderr


def test_odd_names_are_packed(bucket: Bucket, tmp_path: Path) -> None:
    names = ["a b", "c+7", "é", "x?y=1", "p%20q", "#", "k:v@w"]
    for n, name in enumerate(names):
        bucket.put(name, JPEG + b"#%d#" % n)
    assert sorted(packed(bucket, tmp_path / "out")) == [b"%d" % n for n in range(7)]
