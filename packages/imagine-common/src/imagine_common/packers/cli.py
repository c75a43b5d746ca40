"""The command line that the packers have in common."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from imagine_common.cli import Parser
from imagine_common.errors import UsageError, show
from imagine_common.options import (
    add_alias,
    add_fsync_option,
    add_message_options,
    add_null_option,
    add_workers_option,
    refuse_options,
)

if TYPE_CHECKING:
    from imagine_common.packers.checking import FileReport
    from imagine_common.packers.packing import Shard
    from imagine_common.packers.tar_source import TarSource

PACKER_EPILOG = """\
The manifest on stdin has one image path a line, and may have a label, a number,
after a tab. The path of each file goes to stdout once it is complete, in order:
  set -o pipefail
  imagine-gen --path images --count 1000 | {prog} --dest-path records
  find photos -name '*.jpg' -print0 | {prog} -0 --img-per-file 500
  {prog} --test records/*{suffix}

A worker needs 25 MB and the memory of two images. Exit: 0 done, 1 failed,
2 wrong usage, 141 reader of stdout gone, 129, 130, 143 hung up, interrupted,
terminated."""


def add_packer_options(parser: Parser, name: str, files: str, writers: Sequence[str]) -> None:
    """Add all arguments of a packer.

    `name` is the default prefix, `files` what the files are called, and `writers` which libraries
    can write them.
    """
    source = parser.add_argument_group("input")
    source.add_argument(
        "--source-path",
        metavar="DIR",
        help="pack the images in DIR (not below it), in natural order, instead of stdin's",
    )
    add_alias(source, "--source_path", "source_path")
    source.add_argument(
        "--tar",
        action="store_true",
        help="pack the images of a tar stream on stdin, as WebDataset groups them, with .cls for"
        " labels; by one process",
    )
    source.add_argument(
        "--skip-invalid",
        action="store_true",
        help="name images that can't be packed and leave them out, instead of stopping",
    )

    output = parser.add_argument_group("output")
    output.add_argument(
        "--dest-path",
        metavar="DIR",
        default=".",
        help="folder for the files; created if missing (default: %(default)s)",
    )
    add_alias(output, "--dest_path", "dest_path")
    output.add_argument(
        "--name",
        metavar="PREFIX",
        default=name,
        help=f"files are {files} (default: %(default)s)",
    )
    output.add_argument(
        "--img-per-file",
        type=int,
        metavar="N",
        default=1000,
        help="images in a file; the last has the rest (default: %(default)s)",
    )
    add_alias(output, "--img_per_file", "img_per_file", type=int)
    add_null_option(output, "stdin and stdout")
    output.add_argument(
        "--resume", action="store_true", help="keep finished files that are there already"
    )
    add_fsync_option(output)

    testing = parser.add_argument_group("testing")
    testing.add_argument(
        "--test",
        action="store_true",
        help="check files instead of writing them, and list the good ones",
    )
    testing.add_argument(
        "files", metavar="FILE", nargs="*", help="what to check, instead of stdin's files"
    )

    running = parser.add_argument_group("running")
    add_workers_option(running, "writes one file at a time")
    running.add_argument(
        "--writer",
        metavar="NAME",
        default="native",
        help=f"{' or '.join(writers)}; both write the same bytes (default: %(default)s)",
    )
    add_message_options(running)
    parser.add_closing_options(running)


def run_packer(
    args: argparse.Namespace,
    pack: Callable[..., Generator[Shard]],
    check: Callable[[bytes], FileReport],
    suffix: bytes,
) -> None:
    """Pack or check what the arguments ask for; `suffix` is what a file's name ends with."""
    if args.test:
        from imagine_common.packers.checking import run_check

        writing = ("--source-path", "--tar", "--skip-invalid", "--resume", "--fsync")
        refuse_options(args, writing, "--test")
        run_check(args, check)
    elif args.files:
        raise UsageError(f"unrecognized arguments: {' '.join(args.files)} (only with --test)")
    else:
        _run_pack(args, pack, suffix)


def _run_pack(
    args: argparse.Namespace, pack: Callable[..., Generator[Shard]], suffix: bytes
) -> None:
    from imagine_common.manifest import Entry, ManifestWriter
    from imagine_common.names import numbered_from
    from imagine_common.packers.packing import PackSpec
    from imagine_common.packers.sources import FolderSource, ManifestSource
    from imagine_common.report import Report, counted

    spec = PackSpec(
        dest_path=os.fsencode(args.dest_path),
        name=os.fsencode(args.name),
        img_per_file=args.img_per_file,
        delimiter=args.delimiter,
        resume=args.resume,
        skip_invalid=args.skip_invalid,
        fsync=args.fsync,
    )
    folder = tar = None
    if args.tar:
        tar = _tar_source(args)
    elif args.source_path is not None:
        folder = FolderSource(os.fsencode(args.source_path), args.skip_invalid)
    elif os.isatty(0):
        raise UsageError(
            "no input: pipe a manifest of image paths in, or name a folder with --source-path"
        )
    source = tar or folder or ManifestSource(args.delimiter)
    manifest = ManifestWriter(args.delimiter)
    shards = skipped = 0
    with (
        Report(args.prog, args.quiet) as report,
        closing(pack(source, spec, args.writer, args.workers)) as packed,
    ):
        for shard in packed:
            shards += 1
            skipped += len(shard.skipped)
            for reason in shard.skipped:
                report.warn(f"{reason}; skipped")
            if shard.records:
                manifest.write([Entry(shard.path)])
                report.add(1, shard.records, shard.size, shard.kept)
        for warning in tar.warnings() if tar else ():
            report.warn(warning)
        if folder and folder.passed_over:
            report.warn(
                f"{show(folder.path)}: passed over {folder.passed_over} that"
                f" {'is' if folder.passed_over == 1 else 'are'} no image"
                f" ({show(folder.first_passed_over)}{' …' * (folder.passed_over > 1)})"
            )
        stale = numbered_from(spec.dest_path, spec.name, suffix, shards)
        if stale:
            report.warn(
                f"{show(spec.dest_path)}: left {counted(len(stale), 'file')} of this"
                f" prefix that another run wrote ({show(stale[0])}"
                f"{' to ' + show(stale[-1]) if len(stale) > 1 else ''})"
            )
        more = f", {counted(skipped, 'image')} skipped" if skipped else ""
        report.summarize("file", more=more)


def _tar_source(args: argparse.Namespace) -> TarSource:
    """Return stdin's tar stream.

    Raises
    ------
    UsageError
        Where another option can't be meant with it, or stdin is a terminal.
    """
    from imagine_common.packers.tar_source import TarSource

    if args.source_path is not None:
        raise UsageError("argument --source-path: not with --tar, which reads standard input")
    if args.resume:
        raise UsageError(
            "argument --resume: not with --tar: a stream has to be read from its beginning anyway"
        )
    if os.isatty(0):
        raise UsageError("no input: pipe a tar stream in")
    return TarSource()
