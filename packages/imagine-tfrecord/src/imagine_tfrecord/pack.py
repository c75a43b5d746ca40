"""Pack images into TFRecord files."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from imagine_common.errors import UsageError
from imagine_common.exchange.manifest import NUL
from imagine_common.exchange.names import DLIO, TRAIN, check_names
from imagine_common.packers.create import OPTION_DEFAULTS, create_records, pack_records
from imagine_common.packers.docstrings import document_create, document_pack
from imagine_common.packers.pack_spec import IMAGES_IN_FILE, PackSpec, require_writer
from imagine_common.packers.records import RecordFile
from imagine_common.packers.sources.base import Source
from imagine_common.parallel.ordered_map import Workers
from imagine_common.signatures import PathLike, check_types, with_options
from imagine_tfrecord.names import WRITERS
from imagine_tfrecord.schemas import find_schema
from imagine_tfrecord.shards import TFRecordFormat

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from imagine_common.packers.create import PackOptions, PackSummary

_INSTALL = "in a checkout: pip install './packages/imagine-tfrecord[tensorflow]'"
_OWN_OPTIONS = """\
writer : {"native", "tensorflow"}
    The code that writes the files; both write the same bytes.
schema : {"basic", "imagenet", "dlio"}
    The features of a record.
index : bool
    Write an index for DALI beside each file.
index_path : path-like, optional
    A folder to write the indexes into instead."""


@document_pack(_OWN_OPTIONS)
def pack_tfrecords(
    source: Source,
    spec: PackSpec,
    writer: str = "native",
    workers: Workers | None = None,
    *,
    schema: str = "basic",
    index: bool = False,
    index_path: PathLike | None = None,
    written: Callable[[RecordFile], object] = lambda _: None,
) -> Generator[RecordFile]:
    """Pack the images of a source into TFRecord files of `tf.train.Example` records."""
    own = writer, schema, index, index_path
    return pack_records(source, spec, workers, written, record_format, *own)


@with_options(OPTION_DEFAULTS)
@document_create(_OWN_OPTIONS)
def create_tfrecords(
    source_path: PathLike,
    dest_path: PathLike,
    name: PathLike = "tfrecord_",
    img_per_file: int = IMAGES_IN_FILE,
    *,
    writer: str = "native",
    schema: str = "basic",
    index: bool = False,
    index_path: PathLike | None = None,
    **options: Unpack[PackOptions],
) -> PackSummary:
    """Pack the images of a folder into TFRecord files and return what was written."""
    own = writer, schema, index, index_path
    return create_records(source_path, dest_path, name, img_per_file, options, record_format, *own)


def record_format(
    spec: PackSpec, writer: str, schema: str, index: bool, index_path: PathLike | None
) -> TFRecordFormat:
    """Return the record format of the options of `pack_tfrecords`, after checking them."""
    check_types(locals(), record_format.__annotations__)
    folder = os.path.join(spec.dest_path, b"index", TRAIN) if spec.layout == DLIO else None
    if index_path is not None:
        index, folder = True, os.fsencode(index_path)
        if not folder:
            raise UsageError("argument --index-path: the folder's name is empty")
        check_names(folder, b"", NUL, "--index-path")
    require_writer(writer, WRITERS, _INSTALL)
    if writer == "native":
        return TFRecordFormat(find_schema(schema), index, folder)
    from imagine_tfrecord.tensorflow_writer import TensorFlowFormat

    return TensorFlowFormat(find_schema(schema), index, folder)
