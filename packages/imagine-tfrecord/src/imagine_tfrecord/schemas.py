"""Which features a record has: what readers of TFRecord files of images ask for.

- `basic`: the image and its label, of the names that most readers know.
- `imagenet`: what TensorFlow's script for ImageNet writes (build_imagenet_data.py in its models'
  research/inception), with its types and constants; TensorFlow's, MLPerf's and DALI's example
  readers parse these. It tells of every image what decoding to RGB gives, gray ones included.
- `dlio`: what DLIO's generator writes (data_generator/tf_generator.py), and MLPerf Storage reads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, cast

from imagine_common.errors import ImagineError, UsageError
from imagine_common.files.image_headers import Header, read_header
from imagine_common.files.reading import FileSlice
from imagine_common.packers.records import Image
from imagine_common.text import show
from imagine_tfrecord import SCHEMAS
from imagine_tfrecord.example import BYTES, FLOATS, INTEGERS, Feature, encode, example_head

_IMAGENET_FORMATS = {"jpg": b"JPEG", "png": b"PNG"}


class Subject(NamedTuple):
    """An image as a schema sees it; the header only where the schema asks for it."""

    path: bytes
    labels: tuple[float, ...]
    size: int
    header: Header | None


class Schema(NamedTuple):
    """The features of a record.

    Attributes
    ----------
    image : bytes
        The name of the feature that holds the image.
    described : callable
        Returns the features that an image's labels, size and header give.
    file_name : bytes or None
        The name of the feature that holds the name of the image's file; among all features' names,
        it comes next after `image`.
    examine : callable or None
        Returns an image's header; None where no feature depends on it.
    one_label : bool
        Whether an image has at most one label.
    """

    image: bytes
    described: Callable[[Subject], list[Feature]]
    file_name: bytes | None = None
    examine: Callable[[bytes, bytes | FileSlice], Header] | None = None
    one_label: bool = False

    def others(self, subject: Subject) -> list[Feature]:
        """Return the features of an image besides that which holds it, in any order."""
        named = [_named(self.file_name, subject)] if self.file_name else []
        return [*self.described(subject), *named]

    def parts(self, subject: Subject) -> tuple[bytes, bytes]:
        """Return what stands in an image's Example before the image's own bytes, and after them."""
        if len(subject.labels) > 1:  # They are not worth remembering.
            before, after = _encode(self, subject)
        elif self.file_name is None:  # Generated images have few different sizes.
            return _remembered_parts(self, subject.labels, subject.size)
        else:
            before, after = _remembered(self, Subject(b"", subject.labels, 0, subject.header))
        name = encode(_named(self.file_name, subject)) if self.file_name else b""
        after = name + after
        return example_head(self.image, before, after, subject.size), after

    def require_labels(self, image: Image) -> None:
        """Refuse labels that the schema has no place for.

        Raises
        ------
        ImagineError
        """
        if self.one_label and len(image.labels) > 1:
            raise ImagineError(
                f"{show(image.path)}: {len(image.labels)} labels, but readers of this schema"
                " take one"
            )


def find_schema(name: str) -> Schema:
    """Return the schema of a name.

    Raises
    ------
    UsageError
        Where there is none.
    """
    if name not in SCHEMAS:
        raise UsageError(
            f"argument --schema: unknown schema {name!r}; known are {', '.join(SCHEMAS)}"
        )
    return _SCHEMAS[name]


def _named(feature: bytes, subject: Subject) -> Feature:
    return Feature(feature, BYTES, (os.path.basename(subject.path),))


def _encode(schema: Schema, subject: Subject) -> tuple[bytes, bytes]:
    """Return the entries of the features described that come before the image, and after it."""
    features = sorted(schema.described(subject))
    before = [encode(feature) for feature in features if feature.name < schema.image]
    after = [encode(feature) for feature in features if feature.name > schema.image]
    return b"".join(before), b"".join(after)


_remembered = lru_cache(maxsize=4096)(_encode)


@lru_cache(maxsize=4096)
def _remembered_parts(schema: Schema, labels: tuple[float, ...], size: int) -> tuple[bytes, bytes]:
    before, after = _encode(schema, Subject(b"", labels, size, None))
    return example_head(schema.image, before, after, size), after


def _basic(subject: Subject) -> list[Feature]:
    return [Feature(b"image/class/label", INTEGERS, subject.labels or (0,))]


def _dlio(subject: Subject) -> list[Feature]:
    return [Feature(b"size", INTEGERS, (subject.size,))]


def _imagenet(subject: Subject) -> list[Feature]:
    header = cast(Header, subject.header)  # `examine` has found it.
    label = int(sum(subject.labels))
    return [
        Feature(b"image/channels", INTEGERS, (3,)),
        Feature(b"image/class/label", INTEGERS, (label,)),
        Feature(b"image/class/synset", BYTES, (b"n%08d" % label,)),
        Feature(b"image/class/text", BYTES, (b"class_%d" % label,)),
        Feature(b"image/colorspace", BYTES, (b"RGB",)),
        Feature(b"image/format", BYTES, (_IMAGENET_FORMATS[header.image_format],)),
        Feature(b"image/height", INTEGERS, (header.height,)),
        Feature(b"image/object/bbox/label", INTEGERS, (label,)),
        Feature(b"image/object/bbox/xmax", FLOATS, (1.0,)),
        Feature(b"image/object/bbox/xmin", FLOATS, (0.0,)),
        Feature(b"image/object/bbox/ymax", FLOATS, (1.0,)),
        Feature(b"image/object/bbox/ymin", FLOATS, (0.0,)),
        Feature(b"image/width", INTEGERS, (header.width,)),
    ]


def _imagenet_header(path: bytes, file: bytes | FileSlice) -> Header:
    header = read_header(file)
    if header is None or header.image_format not in _IMAGENET_FORMATS:
        raise ImagineError(
            f"{show(path)}: the schema imagenet needs JPEG or PNG images, whose headers tell their"
            " dimensions"
        )
    if not header.width or not header.height:
        raise ImagineError(f"{show(path)}: its header tells no dimensions")
    return header


_SCHEMAS = {
    "basic": Schema(b"image/encoded", _basic),
    "imagenet": Schema(
        b"image/encoded", _imagenet, b"image/filename", _imagenet_header, one_label=True
    ),
    "dlio": Schema(b"image", _dlio),
}
