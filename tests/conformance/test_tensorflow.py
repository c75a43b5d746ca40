"""Real TensorFlow reads what imagine writes, and writes the same bytes itself."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
import tensorflow as tf
from PIL import Image

from direct_files import CHROMAS, direct_files
from imagine_common.files.image_headers import read_header
from odd_images import HEIGHT, WIDTH, Odd, jpegs, pngs
from support import JPEG, PNG, lines, manifest, run

FEATURES = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/class/label": tf.io.FixedLenFeature([], tf.int64),
}


def parsed(path: str | Path) -> list[dict[str, Any]]:
    dataset = tf.data.TFRecordDataset([str(path)])
    return [tf.io.parse_single_example(record, FEATURES) for record in dataset]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
@pytest.mark.parametrize(
    "image_format",
    [
        "jpg",
        "jpg --compress-ratio 3",
        "png",
        "png --compress-ratio 3",
        "png --compress-ratio 1.5 --content photo",
        "png --pooled",
        "bmp",
        "bmp --pooled",
    ],
)
def test_tensorflow_decodes_every_image(tmp_path: Path, image_format: str, mode: str) -> None:
    if image_format.startswith("jpg") and mode == "RGBA":
        return  # JPEG has no such mode.
    channels = {"RGB": 3, "RGBA": 4, "L": 1}[mode]
    size = ["--width", "37", "--height", "21", "--count", "5"]
    kind = ["--image-format", *image_format.split(), "--mode", mode]
    made = run("gen", "--path", tmp_path / "images", *size, *kind)
    packed = run(
        "tfrecord", "--dest-path", tmp_path / "r", "--img-per-file", "2", input=made.stdout
    )
    records = [record for path in lines(packed.stdout) for record in parsed(path)]
    assert len(records) == 5
    for path, record in zip(lines(made.stdout), records):
        assert int(record["image/class/label"]) == 0
        decoded = tf.io.decode_image(record["image/encoded"]).numpy()
        assert decoded.shape == (21, 37, channels)
        expected = np.asarray(Image.open(path)).reshape(decoded.shape)
        if image_format.startswith("jpg"):
            # Pillow's default; TensorFlow's is the faster, less exact transform.
            decoded = tf.io.decode_jpeg(
                record["image/encoded"], dct_method="INTEGER_ACCURATE"
            ).numpy()
        np.testing.assert_array_equal(decoded, expected)


@pytest.mark.parametrize("content", ["noise", "photo"])
@pytest.mark.parametrize("chroma", CHROMAS)
def test_decoders_agree_on_direct_images(tmp_path: Path, chroma: str, content: str) -> None:
    for path in direct_files(tmp_path, chroma, content):
        with Image.open(path) as image:
            expected = np.atleast_3d(np.asarray(image))
        file = path.read_bytes()
        decoded = tf.io.decode_jpeg(file, dct_method="INTEGER_ACCURATE").numpy()
        np.testing.assert_array_equal(decoded, expected)
        space = "GRAY" if expected.shape[2] == 1 else "RGB"
        strict = simplejpeg.decode_jpeg(file, space, strict=True)  # A warning is an error.
        np.testing.assert_array_equal(strict, expected)


@pytest.mark.parametrize("chroma", CHROMAS)
def test_a_strict_decoder_reads_files_with_filler(tmp_path: Path, chroma: str) -> None:
    size = ["--width", "301", "--height", "203", "--quality", "95", *chroma.split()]
    made = run("gen", "--path", tmp_path / "images", *size, "--compress-ratio", "4")
    (path,) = lines(made.stdout)
    expected = np.atleast_3d(np.asarray(Image.open(path)))
    space = "GRAY" if expected.shape[2] == 1 else "RGB"
    strict = simplejpeg.decode_jpeg(Path(path).read_bytes(), space, strict=True)
    np.testing.assert_array_equal(strict, expected)


@pytest.mark.parametrize("image_format", ["jpg", "jpg --direct", "png", "bmp", "webp"])
def test_stamps_leave_pixels_as_they_are(tmp_path: Path, image_format: str) -> None:
    size = ["--width", "57", "--height", "43", "--image-format", *image_format.split()]
    pixels = []
    for name, more in (("plain", []), ("stamped", ["--stamp"])):
        (path,) = lines(run("gen", "--path", tmp_path / name, *size, *more).stdout)
        file = Path(path).read_bytes()
        pixels.append(tf.io.decode_image(file).numpy().tobytes())
        if file.startswith(b"\xff\xd8"):  # A warning is an error.
            pixels[-1] += simplejpeg.decode_jpeg(file, "RGB", strict=True).tobytes()
    assert pixels[0] == pixels[1]


def test_tensorflow_reads_labels(tmp_path: Path) -> None:
    image = tmp_path / "image.jpg"
    image.write_bytes(JPEG)
    labels = [0, 1, 999, 2**63 - 1]
    source = "".join(f"{image}\t{label}\n" for label in labels).encode()
    run("tfrecord", "--dest-path", tmp_path, input=source)
    records = parsed(tmp_path / "tfrecord_0")
    assert [int(record["image/class/label"]) for record in records] == labels
    assert {record["image/encoded"].numpy() for record in records} == {JPEG}


def test_keras_finds_the_labels_of_class_folders(tmp_path: Path) -> None:
    options = ["--width", "24", "--height", "18", "--count", "36", "--image-format", "png"]
    layout = ["--classes", "12", "--layout", "imagefolder"]
    made = run("gen", "--path", tmp_path / "images", *options, *layout)
    expected = {}
    for line in lines(made.stdout):
        path, label = line.split("\t")
        expected[Image.open(path).tobytes()] = int(label)
    dataset = tf.keras.utils.image_dataset_from_directory(
        tmp_path / "images", image_size=(18, 24), batch_size=None, shuffle=False, verbose=False
    )
    assert dataset.class_names == [f"class_{label:02}" for label in range(12)]
    found = {image.numpy().astype(np.uint8).tobytes(): int(label) for image, label in dataset}
    assert found == expected
    assert len(found) == 36


@pytest.mark.parametrize("kind", [("--direct",), ()], ids=["direct", "fresh"])
def test_tensorflow_decodes_files_of_a_target_size(tmp_path: Path, kind: tuple[str, ...]) -> None:
    options = ["--width", "200", "--height", "150", "--count", "20", "--target-size", "14000"]
    made = run("gen", "--path", tmp_path / "images", *options, "--content", "photo", *kind)
    for path in lines(made.stdout):
        data = Path(path).read_bytes()
        assert len(data) == 14_000
        decoded = tf.io.decode_jpeg(data, dct_method="INTEGER_ACCURATE").numpy()
        np.testing.assert_array_equal(decoded, np.asarray(Image.open(path)))


@pytest.mark.parametrize("options", [(), ("--pooled", "--compress-level", "6")], ids=" ".join)
def test_tensorflow_decodes_compressed_photos(tmp_path: Path, options: tuple[str, ...]) -> None:
    kind = ["--image-format", "png", "--content", "photo", *options]
    made = run("gen", "--path", tmp_path, "--width", "60", "--height", "101", "--count", "9", *kind)
    for path in lines(made.stdout):
        decoded = tf.io.decode_png(Path(path).read_bytes()).numpy()
        np.testing.assert_array_equal(decoded, np.asarray(Image.open(path)))


def test_tensorflow_reads_several_labels(tmp_path: Path) -> None:
    image = tmp_path / "image.jpg"
    image.write_bytes(JPEG)
    run("tfrecord", "--dest-path", tmp_path, input=f"{image}\t1,5,7\n{image}\n".encode())
    dataset = tf.data.TFRecordDataset([str(tmp_path / "tfrecord_0")])
    features = {"image/class/label": tf.io.VarLenFeature(tf.int64)}
    found = [
        tf.io.parse_single_example(record, features)["image/class/label"].values.numpy().tolist()
        for record in dataset
    ]
    assert found == [[1, 5, 7], [0]]


def test_both_writers_write_the_same_bytes(tmp_path: Path) -> None:
    generator = random.Random(0)
    source = b""
    for n, size in enumerate([0, 1, 100, 128, 16_384, 70_000, 2_100_000]):
        path = tmp_path / f"{n}.jpg"
        path.write_bytes(JPEG + generator.randbytes(size))
        label = ["", "\t0", "\t128", "\t3,200,70000"][n % 4]
        source += f"{path}{label}\n".encode()
    for writer in ("native", "tensorflow"):
        args = ["--dest-path", tmp_path / writer, "--img-per-file", "3", "--writer", writer]
        result = run("tfrecord", *args, input=source)
        assert result.returncode == 0, result.stderr
        assert len(lines(result.stdout)) == 3
        assert len(result.stderr.splitlines()) == 1
    for n in range(3):
        native, theirs = (tmp_path / w / f"tfrecord_{n}" for w in ("native", "tensorflow"))
        assert native.read_bytes() == theirs.read_bytes()


# What TensorFlow's models parse ImageNet's records with (official/legacy/image_classification/
# resnet/imagenet_preprocessing.py; research/inception has [1] for the label's shape).
IMAGENET = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string, ""),
    "image/class/label": tf.io.FixedLenFeature([], tf.int64, -1),
    "image/class/text": tf.io.FixedLenFeature([], tf.string, ""),
    "image/object/bbox/xmin": tf.io.VarLenFeature(tf.float32),
    "image/object/bbox/ymin": tf.io.VarLenFeature(tf.float32),
    "image/object/bbox/xmax": tf.io.VarLenFeature(tf.float32),
    "image/object/bbox/ymax": tf.io.VarLenFeature(tf.float32),
}
# What else build_imagenet_data.py writes, with no default: each must be there, with one value.
IMAGENET_MORE = {
    "image/format": tf.io.FixedLenFeature([], tf.string),
    "image/filename": tf.io.FixedLenFeature([], tf.string),
    "image/colorspace": tf.io.FixedLenFeature([], tf.string),
    "image/height": tf.io.FixedLenFeature([], tf.int64),
    "image/width": tf.io.FixedLenFeature([], tf.int64),
    "image/channels": tf.io.FixedLenFeature([], tf.int64),
    "image/class/label": tf.io.FixedLenFeature([1], tf.int64),
    "image/class/synset": tf.io.FixedLenFeature([], tf.string),
    "image/object/bbox/label": tf.io.FixedLenFeature([1], tf.int64),
}


def plain(tensor: Any) -> Any:
    """Return what a tensor holds as Python's own types."""
    value = tensor.numpy()
    return value if isinstance(value, bytes) else value.tolist()


@pytest.mark.parametrize(("image_format", "mode"), [("jpg", "RGB"), ("jpg", "L"), ("png", "RGB")])
def test_tensorflows_imagenet_reader_finds_all_it_asks_for(
    tmp_path: Path, image_format: str, mode: str
) -> None:
    size = ["--width", "37", "--height", "21", "--count", "3"]
    kind = ["--image-format", image_format, "--mode", mode]
    made = run("gen", "--path", tmp_path / "images", *size, *kind)
    source = b"".join(
        b"%s\t%d\n" % (path, n) for n, path in enumerate(made.stdout.split(b"\n")[:-1])
    )
    args = ["--schema", "imagenet", "--dest-path", tmp_path, "--label-offset", "1"]
    packed = run("tfrecord", *args, input=source)
    (path,) = lines(packed.stdout)
    for number, record in enumerate(tf.data.TFRecordDataset([path])):
        found = tf.io.parse_single_example(record, IMAGENET)
        image = tf.io.decode_jpeg(found["image/encoded"], channels=3)
        assert image.shape == (21, 37, 3)
        assert int(found["image/class/label"]) == number + 1
        assert found["image/class/text"].numpy() == b"class_%d" % (number + 1)
        sides = ("ymin", "xmin", "ymax", "xmax")
        box = [found[f"image/object/bbox/{side}"].values.numpy().tolist() for side in sides]
        assert box == [[0], [0], [1], [1]]
        # As the reader goes on: a crop of the box, which must be a valid one.
        tf.image.sample_distorted_bounding_box(
            tf.shape(image), tf.constant([[[0.0, 0.0, 1.0, 1.0]]]), min_object_covered=0.1
        )
        more = tf.io.parse_single_example(record, IMAGENET_MORE)
        assert {name: plain(value) for name, value in more.items()} == {
            "image/format": {"jpg": b"JPEG", "png": b"PNG"}[image_format],
            "image/filename": f"image_{number}.{image_format}".encode(),
            "image/colorspace": b"Grayscale" if mode == "L" else b"RGB",
            "image/height": 21,
            "image/width": 37,
            "image/channels": tf.io.decode_image(found["image/encoded"]).shape[2],
            "image/class/label": [number + 1],
            "image/class/synset": b"n%08d" % (number + 1),
            "image/object/bbox/label": [number + 1],
        }


@pytest.mark.parametrize("odd", [pytest.param(odd, id=odd.name) for odd in (*jpegs(), *pngs())])
def test_tensorflow_decodes_odd_images_as_their_records_say(odd: Odd) -> None:
    if isinstance(odd.expected, int):
        pixels = tf.io.decode_image(odd.data, channels=0, expand_animations=False)
        assert tuple(pixels.shape) == (HEIGHT, WIDTH, odd.expected)
    else:
        with pytest.raises(tf.errors.InvalidArgumentError):
            tf.io.decode_image(odd.data, channels=0, expand_animations=False)


def test_a_mutated_image_that_tensorflow_decodes_has_the_same_header() -> None:
    from fuzz import mutate

    images = [odd.data for odd in (*jpegs(), *pngs()) if len(odd.data) < 2000]
    decoded = 0
    for seed in range(6000):
        rng = random.Random(seed)
        image, place = rng.choice(images), rng.choice((40, 400))
        data = mutate(image[:place], rng) + image[place:]
        try:
            pixels = tf.io.decode_image(data, channels=0, expand_animations=False)
        except tf.errors.InvalidArgumentError:
            continue
        header = read_header(data)
        assert (header.height, header.width, header.channels) == tuple(pixels.shape), seed
        decoded += 1
    assert decoded > 300


def test_dlios_reader_finds_its_features(tmp_path: Path) -> None:
    """By the features of DLIO's reader/tf_reader.py, and of its DALI reader."""
    image = tmp_path / "image.jpg"
    image.write_bytes(JPEG)
    args = ["--schema", "dlio", "--dest-path", tmp_path / "out"]
    run("tfrecord", *args, input=f"{image}\t7\n".encode())
    (record,) = tf.data.TFRecordDataset([str(tmp_path / "out" / "tfrecord_0")])
    features = {
        "image": tf.io.FixedLenFeature([], tf.string),
        "size": tf.io.FixedLenFeature([], tf.int64),
    }
    found = tf.io.parse_single_example(record, features)
    assert found["image"].numpy() == JPEG
    assert int(found["size"]) == len(JPEG)
    features["size"] = tf.io.FixedLenFeature([1], tf.int64)
    assert tf.io.parse_single_example(record, features)["size"].numpy().tolist() == [len(JPEG)]
    assert set(tf.train.Example.FromString(record.numpy()).features.feature) == set(features)


@pytest.mark.parametrize("schema", ["imagenet", "dlio"])
def test_both_writers_write_the_same_bytes_in_every_schema(tmp_path: Path, schema: str) -> None:
    generator = random.Random(0)
    source = b""
    for n, size in enumerate([0, 1, 100, 128, 16_384, 70_000, 2_100_000]):
        path = tmp_path / f"{n} é.jpg"
        path.write_bytes((PNG if n % 2 else JPEG) + generator.randbytes(size))
        source += f"{path}{['', chr(9) + '0', chr(9) + '99999999999'][n % 3]}\n".encode()
    for writer in ("native", "tensorflow"):
        args = ["--dest-path", tmp_path / writer, "--img-per-file", "3", "--writer", writer]
        more = ["--schema", schema, "--index", "--name-format", "{shard}of{total}"]
        result = run("tfrecord", *args, *more, input=source)
        assert result.returncode == 0, result.stderr
        assert len(lines(result.stdout)) == 3
        assert len(result.stderr.splitlines()) == 1
    for name in [f"{n}of3{suffix}" for n in range(3) for suffix in ("", ".idx")]:
        native, theirs = (tmp_path / w / name for w in ("native", "tensorflow"))
        assert native.read_bytes() == theirs.read_bytes()
    resumed = run(
        "tfrecord",
        *["--dest-path", tmp_path / "tensorflow", "--name-format", "{shard}of3", "--resume"],
        *["--img-per-file", "3", "--schema", schema, "--index"],
        input=source,
    )
    assert b"(3 there already)" in resumed.stderr


def test_tensorflows_writer_leaves_nothing_unfinished(tmp_path: Path) -> None:
    image = tmp_path / "image.jpg"
    image.write_bytes(JPEG)
    source = manifest([image, image, image, tmp_path / "missing.jpg"])
    args = ["--dest-path", tmp_path / "out", "--img-per-file", "2", "--writer", "tensorflow"]
    result = run("tfrecord", *args, input=source)
    assert result.returncode == 1
    assert b"missing.jpg: No such file" in result.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tfrecord_0"]


def test_files_from_tensorflow_pass_the_test(tmp_path: Path) -> None:
    """Files of other features than ours, compressed ones, and records that are no Examples."""
    train = tf.train
    features = {
        "image/class/label": train.Feature(int64_list=train.Int64List(value=[-3, 2**40])),
        "image/object/bbox/xmin": train.Feature(float_list=train.FloatList(value=[0.5] * 9)),
        "image/filename": train.Feature(bytes_list=train.BytesList(value=[b"a", b"b"])),
        "empty": train.Feature(),
    }
    example = train.Example(features=train.Features(feature=features)).SerializeToString()
    for name, records in (("good", [example, b"", example]), ("other", [b"text", example])):
        with tf.io.TFRecordWriter(str(tmp_path / name)) as writer:
            for record in records:
                writer.write(record)
    with tf.io.TFRecordWriter(str(tmp_path / "zipped"), "GZIP") as writer:
        writer.write(example)
    good = run("tfrecord", "--test", tmp_path / "good")
    assert good.returncode == 0
    assert good.stderr.endswith(b", labels -3 to 1099511627776\n")
    other = run("tfrecord", "--test", tmp_path / "other")
    assert other.returncode == 0
    assert b"warning: " in other.stderr
    assert b"1 record not of tf.train.Example (first record 0: " in other.stderr
    zipped = run("tfrecord", "--test", tmp_path / "zipped")
    assert zipped.returncode == 1
    assert b"gunzip it first" in zipped.stderr


def test_messages_are_examples_where_protobuf_says_so() -> None:
    """Mutations of real messages, read by protobuf's parser and by imagine's."""
    from fuzz import mutate
    from imagine_tfrecord.example_reader import NoExampleError, read_example

    train = tf.train
    features = {
        "image/class/label": train.Feature(int64_list=train.Int64List(value=[1, -3, 2**40])),
        "f": train.Feature(float_list=train.FloatList(value=[0.5] * 3)),
        "image/encoded": train.Feature(bytes_list=train.BytesList(value=[JPEG[:40]])),
    }
    message = train.Example(features=train.Features(feature=features)).SerializeToString()
    verdicts = set()
    for seed in range(20_000):
        data = mutate(message, random.Random(seed))
        try:
            parsed = train.Example.FromString(data)
        except Exception:  # protobuf's DecodeError, or one about UTF-8
            parsed = None
        try:
            labels = read_example(data, len(data)).labels
        except NoExampleError:
            labels = None
        assert (parsed is None) == (labels is None), data
        verdicts.add(parsed is None)
        if parsed is not None and labels:
            values = parsed.features.feature["image/class/label"].int64_list.value
            assert not values or {min(values), max(values)} <= set(labels)
    assert verdicts == {True, False}
