"""The features of a record, as different readers of TFRecord files of images expect them.

An image or labels that a schema can't hold are an `ImagineError`.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import cast

from imagine_common.errors import ImagineError, UsageError
from imagine_common.files.image_headers import Header, read_header
from imagine_common.files.reading import FileSlice
from imagine_common.packers.records import Image
from imagine_common.text import did_you_mean, show
from imagine_tfrecord.example import (
    BYTES,
    FLOATS,
    INTEGERS,
    Feature,
    Surroundings,
    encode,
    encode_features,
    surround,
)
from imagine_tfrecord.names import SCHEMAS

_MAX_EXAMPLE_BYTES = 2**31 - 1  # protobuf's limit for any message
_MAX_HEADER_FEATURE_BYTES = 1024  # in an Example, the file's name not included
_IMAGENET_FORMATS = {"jpg": b"JPEG", "png": b"PNG"}
# Limits of TensorFlow 2.21, libjpeg and libpng.
_MAX_SIDES = {"jpg": 65_500, "png": 1_000_000}
_MAX_PIXELS = 2**29


class Schema(ABC):
    """The features of a record: the image, and others that depend on its labels and size."""

    image_feature = b"image/encoded"

    @abstractmethod
    def features(self, image: Image) -> list[Feature]:
        """Return the features of an image, in any order, except the one that holds it."""

    def surroundings(self, image: Image) -> Surroundings:
        """Return the bytes of an image's Example before and after the image."""
        # By class, so that the copies of a schema in a worker process share the cache.
        if len(image.labels) > 1:  # They rarely recur.
            return _surroundings(type(self), image.labels, image.size)
        return _cached_surroundings(type(self), image.labels, image.size)

    def image_limit(self, image: Image) -> int:
        """Return the largest size in bytes of an image with this image's path and labels."""
        largest = Image(0, image.path, image.labels, _MAX_EXAMPLE_BYTES)
        return _MAX_EXAMPLE_BYTES - sum(map(len, self.surroundings(largest)))

    def examine(self, _path: bytes, _file: bytes | FileSlice) -> Header | None:
        """Return an image's header, if features depend on it."""
        return None


def find_schema(name: str) -> Schema:
    """Return the schema with a name."""
    if name not in SCHEMAS:
        raise UsageError(
            f"argument --schema: unknown schema {name!r}; known are {', '.join(SCHEMAS)}"
            f"{did_you_mean(name, SCHEMAS)}"
        )
    return _SCHEMAS[name]


class _Basic(Schema):
    """The image and its labels, under the names that most readers use."""

    def features(self, image: Image) -> list[Feature]:
        return [Feature(b"image/class/label", INTEGERS, image.labels or (0,))]


class _Dlio(Schema):
    """The features that DLIO's data_generator/tf_generator.py writes, and MLPerf Storage reads."""

    image_feature = b"image"

    def features(self, image: Image) -> list[Feature]:
        return [Feature(b"size", INTEGERS, (image.size,))]


class _ImageNet(Schema):
    """The features that TensorFlow's script for ImageNet writes, with its types and constants.

    See build_imagenet_data.py in research/inception of TensorFlow's models. The example readers of
    TensorFlow, MLPerf and DALI parse them. Dimensions and channels are those of the pixels that
    `tf.io.decode_image` returns.
    """

    def features(self, image: Image) -> list[Feature]:
        header = cast(Header, image.header)
        return [_file_name(image), *_imagenet_features(image.labels, header)]

    def surroundings(self, image: Image) -> Surroundings:
        # The only feature that differs between most images sorts directly after the image.
        before, after = _encoded_imagenet(image.labels, cast(Header, image.header))
        features = Surroundings(before, encode(_file_name(image)) + after)
        return surround(self.image_feature, features, image.size)

    def image_limit(self, image: Image) -> int:
        if len(image.labels) > 1:
            raise ImagineError(
                f"{show(image.path)}: {len(image.labels)} labels, but readers of the schema"
                " imagenet take one"
            )
        return _MAX_EXAMPLE_BYTES - _MAX_HEADER_FEATURE_BYTES - len(image.path)

    def examine(self, path: bytes, file: bytes | FileSlice) -> Header:
        try:
            header = read_header(file)
            _require_decodable(header)
        except ImagineError as error:
            raise ImagineError(
                f"{show(path)}: {error}; the schema imagenet needs JPEG or PNG images that"
                " TensorFlow decodes"
            ) from None
        return header


def _require_decodable(header: Header) -> None:
    side = _MAX_SIDES.get(header.image_format)
    if side is None:
        raise ImagineError("not JPEG or PNG")
    width, height = header.width, header.height
    if max(width, height) > side or width * height >= _MAX_PIXELS:
        raise ImagineError(f"{width}x{height} pixels are too many")


_SCHEMAS = {"basic": _Basic(), "imagenet": _ImageNet(), "dlio": _Dlio()}


@lru_cache(maxsize=256)
def recognize_schema(features: frozenset[tuple[bytes, int]]) -> str:
    """Return the schema with the most features among those of a record, or `unknown`.

    A feature is its name and the list that it uses. Readers ignore further features.
    """
    known = [name for name in SCHEMAS if _FEATURES[name] <= features]
    return max(known, key=lambda name: len(_FEATURES[name]), default="unknown")


def _surroundings(schema: type[Schema], labels: tuple[float, ...], size: int) -> Surroundings:
    features = schema().features(Image(0, b"", labels, size))
    return surround(schema.image_feature, encode_features(schema.image_feature, features), size)


_cached_surroundings = lru_cache(maxsize=4096)(_surroundings)


@lru_cache(maxsize=4096)
def _encoded_imagenet(labels: tuple[float, ...], header: Header) -> Surroundings:
    return encode_features(_ImageNet.image_feature, _imagenet_features(labels, header))


def _file_name(image: Image) -> Feature:
    return Feature(b"image/filename", BYTES, (os.path.basename(image.path),))


def _imagenet_features(labels: tuple[float, ...], header: Header) -> list[Feature]:
    label = int(sum(labels))
    return [
        Feature(b"image/channels", INTEGERS, (header.channels,)),
        Feature(b"image/class/label", INTEGERS, (label,)),
        Feature(b"image/class/synset", BYTES, (b"n%08d" % label,)),
        Feature(b"image/class/text", BYTES, (b"class_%d" % label,)),
        Feature(b"image/colorspace", BYTES, (b"RGB" if header.channels > 2 else b"Grayscale",)),
        Feature(b"image/format", BYTES, (_IMAGENET_FORMATS[header.image_format],)),
        Feature(b"image/height", INTEGERS, (header.height,)),
        Feature(b"image/object/bbox/label", INTEGERS, (label,)),
        Feature(b"image/object/bbox/xmax", FLOATS, (1.0,)),
        Feature(b"image/object/bbox/xmin", FLOATS, (0.0,)),
        Feature(b"image/object/bbox/ymax", FLOATS, (1.0,)),
        Feature(b"image/object/bbox/ymin", FLOATS, (0.0,)),
        Feature(b"image/width", INTEGERS, (header.width,)),
    ]


_SAMPLE = Image(0, b"x", (0,), header=Header("jpg", 1, 1, "RGB", 3))
_FEATURES = {
    name: frozenset([(schema.image_feature, BYTES), *(f[:2] for f in schema.features(_SAMPLE))])
    for name, schema in _SCHEMAS.items()
}
FEATURE_NAMES = frozenset(name for features in _FEATURES.values() for name, _ in features)
IMAGE_FEATURES = frozenset(schema.image_feature for schema in _SCHEMAS.values())
