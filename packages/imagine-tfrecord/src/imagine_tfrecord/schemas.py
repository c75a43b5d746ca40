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

from imagine_common.errors import ImagineError, UsageError, show
from imagine_common.files import FileSlice
from imagine_common.headers import Header, read_header
from imagine_common.manifest import Entry
from imagine_tfrecord import SCHEMAS
from imagine_tfrecord.example import BYTES, FLOATS, INTEGERS, Feature, example_parts

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
    others : callable
        Returns the other features of an image.
    examine : callable or None
        Returns an image's header; None where the features don't depend on it, nor on the path.
    one_label : bool
        Whether an image has at most one label.
    """

    image: bytes
    others: Callable[[Subject], list[Feature]]
    examine: Callable[[bytes, bytes | FileSlice], Header] | None = None
    one_label: bool = False

    def parts(self, subject: Subject) -> tuple[bytes, bytes]:
        """Return what stands in an image's Example before the image's own bytes, and after them."""
        if self.examine is None and len(subject.labels) <= 1:
            # Generated images have few different sizes.
            return _remembered_parts(self, subject.labels, subject.size)
        return example_parts(self.image, self.others(subject), subject.size)

    def require_labels(self, entry: Entry) -> None:
        """Refuse labels that the schema has no place for.

        Raises
        ------
        ImagineError
        """
        if self.one_label and len(entry.labels) > 1:
            raise ImagineError(
                f"{show(entry.path)}: {len(entry.labels)} labels, but readers of this schema"
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


@lru_cache(maxsize=4096)
def _remembered_parts(schema: Schema, labels: tuple[float, ...], size: int) -> tuple[bytes, bytes]:
    return example_parts(schema.image, schema.others(Subject(b"", labels, size, None)), size)


def _basic(subject: Subject) -> list[Feature]:
    return [Feature(b"image/class/label", INTEGERS, subject.labels or (0,))]


def _dlio(subject: Subject) -> list[Feature]:
    return [Feature(b"size", INTEGERS, (subject.size,))]


def _imagenet(subject: Subject) -> list[Feature]:
    header = cast(Header, subject.header)  # `examine` has found it.
    label, synset, text, box_label = _imagenet_class(int(sum(subject.labels)))
    return [
        _CHANNELS,
        label,
        synset,
        text,
        _COLORSPACE,
        Feature(b"image/filename", BYTES, (os.path.basename(subject.path),)),
        Feature(b"image/format", BYTES, (_IMAGENET_FORMATS[header.image_format],)),
        Feature(b"image/height", INTEGERS, (header.height,)),
        box_label,
        *_WHOLE_IMAGE,
        Feature(b"image/width", INTEGERS, (header.width,)),
    ]


@lru_cache(maxsize=4096)
def _imagenet_class(label: int) -> tuple[Feature, Feature, Feature, Feature]:
    return (
        Feature(b"image/class/label", INTEGERS, (label,)),
        Feature(b"image/class/synset", BYTES, (b"n%08d" % label,)),
        Feature(b"image/class/text", BYTES, (b"class_%d" % label,)),
        Feature(b"image/object/bbox/label", INTEGERS, (label,)),
    )


_CHANNELS = Feature(b"image/channels", INTEGERS, (3,))
_COLORSPACE = Feature(b"image/colorspace", BYTES, (b"RGB",))
_WHOLE_IMAGE = (
    Feature(b"image/object/bbox/xmax", FLOATS, (1.0,)),
    Feature(b"image/object/bbox/xmin", FLOATS, (0.0,)),
    Feature(b"image/object/bbox/ymax", FLOATS, (1.0,)),
    Feature(b"image/object/bbox/ymin", FLOATS, (0.0,)),
)


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
    "imagenet": Schema(b"image/encoded", _imagenet, _imagenet_header, one_label=True),
    "dlio": Schema(b"image", _dlio),
}
