"""The parts that the docstrings of the packers' public functions have in common."""

from __future__ import annotations

from collections.abc import Callable
from inspect import cleandoc
from typing import TypeVar

Item = TypeVar("Item")

_STREAM = """\
source : Source
    A manifest, a list, a folder or a tar stream.
spec : PackSpec
    What to write where."""

FILES = """\
dest_path : path-like
    The folder for the files, or its URL; created if missing.
name : path-like
    The prefix of the files' names; a number from 0 follows.
img_per_file : int
    The number of images in a file; the last file has the rest."""

_FOLDER = """\
source_path : path-like
    A folder of images, or its URL, packed in natural order. Files that are not images are left out,
    unless their names have an image's extension."""

_WORKERS = """\
workers : int or DaskCluster, optional
    The number of processes, each of which writes one file at a time, or a cluster. By default, a
    process for each usable CPU."""

_WRITTEN = """\
written : callable, optional
    Called with each file once it is complete. If names contain the total, that is earlier than it
    is yielded.

Yields
------
RecordFile
    Each file, in order, once it has its name."""

OPTIONS = """\
resume : bool
    Keep the finished files of an earlier run.
skip_invalid : bool
    Leave out images that can't be packed, instead of stopping.
fsync : bool
    Write each file to the disk before it is yielded, to survive a power failure.
label_offset : int
    The number to add to every label; an image without a label has 0.
name_format : path-like, optional
    Names the files instead of the prefix, such as `train-{shard:05d}-of-{total:05d}`.
layout : {"flat", "dlio"}
    If "dlio", the files go into the folder `train` below `dest_path`, and `valid` is created.
subfolders : int, optional
    The number of folders that the files are dealt to, by their numbers.
expect : int, optional
    The number of images. Any other number, or an image left out, is an error.
clean : bool
    Remove the files of other runs that are named like these. By default they are an error.
keep_others : bool, optional
    Leave such files there. If None, they are warnings, and so are invalid images and class folders
    without images, as the module `imagine` needs it."""

_FOLDER_OPTIONS = """\
recursive : bool
    Also pack the images in the folders below.
labels_from_dirs : bool
    Label each image with the place of its folder among the folders directly in the source, sorted
    by name. Implies `recursive`; images outside these folders are not packed.
exclude : sequence of str or bytes
    Patterns such as `*.txt` for names of files and folders to leave out; one with a slash is
    compared with the path below the source.
skip_empty_classes : bool
    Give class folders without images no label, instead of raising an error."""

_RAISES = """
Raises
------
UsageError
    If an argument is invalid or of a wrong type, arguments can't be used together, or the writer's
    library is not installed.
ImagineError
    If an image can't be packed and `skip_invalid` is off, a file can't be resumed, or the target
    can't be written. Files that have their names stay."""


def document_pack(own_options: str) -> Callable[[Item], Item]:
    """Add descriptions of the arguments to the docstring of a function that packs a source."""
    return document(_STREAM, own_options, _WORKERS, _WRITTEN, _RAISES)


def document_create(own_options: str) -> Callable[[Item], Item]:
    """Add descriptions of the arguments to the docstring of a function that packs a folder."""
    return document(_FOLDER, FILES, own_options, _WORKERS, OPTIONS, _FOLDER_OPTIONS, _RAISES)


def document(*arguments: str) -> Callable[[Item], Item]:
    """Add descriptions of arguments to a docstring."""

    def extend(item: Item) -> Item:
        if item.__doc__:  # Python's option -OO removes it.
            head = cleandoc(item.__doc__)
            item.__doc__ = "\n".join((head, "\nParameters\n----------", *arguments))
        return item

    return extend
