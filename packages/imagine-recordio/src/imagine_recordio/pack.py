"""Pack images into RecordIO files and their indexes."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from imagine_common.errors import UsageError
from imagine_common.exchange.names import WHOLE
from imagine_common.packers.create import OPTION_DEFAULTS, create_records, pack_records
from imagine_common.packers.docstrings import document_create, document_pack
from imagine_common.packers.pack_spec import IMAGES_IN_FILE, PackSpec, require_writer
from imagine_common.packers.records import RecordFile
from imagine_common.packers.sources.base import Source
from imagine_common.parallel.ordered_map import Workers
from imagine_common.signatures import PathLike, check_types, with_options
from imagine_recordio.index import MERGED
from imagine_recordio.names import WRITERS
from imagine_recordio.shards import RecordIOFormat

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from imagine_common.packers.create import PackOptions, PackSummary

_INSTALL = "in a checkout: pip install './packages/imagine-recordio[mxnet]' (Python 3.11 or older)"
_OWN_OPTIONS = """\
writer : {"native", "mxnet"}
    The code that writes the files; both write the same bytes.
merged_index : bool
    Write one more index, of all files together, at the end. An older one is removed in any case."""


@document_pack(_OWN_OPTIONS)
def pack_recordio(
    source: Source,
    spec: PackSpec,
    writer: str = "native",
    workers: Workers | None = None,
    *,
    merged_index: bool = False,
    written: Callable[[RecordFile], object] = lambda _: None,
) -> Generator[RecordFile]:
    """Pack the images of a source into RecordIO files.

    Each `.rec` file has an `.idx` file of lines `key<TAB>offset`. The key, which is also the id in
    the record's IRHeader, is the image's position in the dataset, or its index in a list. Labels
    must have an exact float32.
    """
    own = writer, merged_index
    return pack_records(source, spec, workers, written, record_format, *own)


@with_options(OPTION_DEFAULTS)
@document_create(_OWN_OPTIONS)
def create_recordio(
    source_path: PathLike,
    dest_path: PathLike,
    name: PathLike = "recordio_",
    img_per_file: int = IMAGES_IN_FILE,
    *,
    writer: str = "native",
    merged_index: bool = False,
    **options: Unpack[PackOptions],
) -> PackSummary:
    """Pack the images of a folder into RecordIO files and return what was written."""
    own = writer, merged_index
    return create_records(source_path, dest_path, name, img_per_file, options, record_format, *own)


def record_format(spec: PackSpec, writer: str, merged_index: bool) -> RecordIOFormat:
    """Return the record format of the options of `pack_recordio`, after checking them."""
    check_types(locals(), record_format.__annotations__)
    if merged_index and spec.part != WHOLE:
        raise UsageError(
            "argument --part: not with --merged-index, which needs all files; to get the same"
            " index, concatenate the files' own indexes and add up their offsets"
        )
    if merged_index and spec.subfolders:
        raise UsageError("argument --merged-index: not with --subfolders; DALI reads one folder")
    merged_path = os.path.join(spec.fixed_folders[0], spec.names.pieces[0][0] + MERGED)
    require_writer(writer, WRITERS, _INSTALL)
    if writer == "native":
        return RecordIOFormat(merged_path, merged_index)
    from imagine_recordio.mxnet_writer import MXNetFormat

    return MXNetFormat(merged_path, merged_index)
