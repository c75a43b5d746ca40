"""Which options go together: one table for the checks, the command line and the tests.

An option that would have no effect beside another one is refused, so that nothing that was asked
for is ignored. A word is an option, such as `--tar`, or an option and its value, such as
`--mode=L`.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import NamedTuple

from imagine_common.errors import UsageError
from imagine_common.files.stamps import PLACES
from imagine_gen.dataset.formats import FORMATS


class Clash(NamedTuple):
    """Two words that do not go together; `reason` continues a message about the first."""

    word: str
    other: str
    reason: str


def _clashes(words: str, other: str, why: str) -> Iterator[Clash]:
    reason = f"not with {other.replace('=', ' ')}, {why}"
    return (Clash(word, other, reason) for word in words.split())


def _format_clashes() -> Iterator[Clash]:
    for option in sorted({option for found in FORMATS.values() for option in found.options}):
        having = [name for name, found in FORMATS.items() if option in found.options]
        verb = "has" if len(having) == 1 else "have"
        for name in FORMATS.keys() - {*having}:
            yield Clash(option, f"--image-format={name}", f"only {', '.join(having)} {verb} it")
    for name in FORMATS.keys() - PLACES.keys():
        yield Clash("--stamp", f"--image-format={name}", f"only {', '.join(PLACES)} have it")


CLASHES = (
    *_clashes(
        "--path --resume --fsync --verify --size --null --clean --keep-others",
        "--tar",
        "which writes no files",
    ),
    *_clashes("--scheduler", "--tar", "which sends every byte through this process"),
    *_clashes("--resume --fsync --size --clean --keep-others", "--verify", "which writes nothing"),
    *_clashes("--size --verify --card", "--shard-samples", "whose files are not images"),
    *_clashes("--shard-samples", "--layout=dlio", "which has a file for each image"),
    *_clashes("--chunksize", "--shard-samples", "which is the unit of work"),
    *_clashes("--clean", "--keep-others", "which leaves what it removes"),
    *_clashes("--clean", "--start", "which leaves files to other parts"),
    *_clashes("--clean", "--part", "which leaves files to other parts"),
    *_clashes("--verify --resume --size", "--dry-run", "which writes nothing"),
    *_clashes("--card", "--dry-run", "which makes no dataset"),
    *_clashes("--scheduler", "--dry-run", "which tries what this machine can do"),
    *_clashes("--width --height", "--size-list", "which has both"),
    *_clashes("--quality", "--target-size", "which determines it"),
    *_clashes("--quality", "--direct", "which has quantization tables of its own"),
    *_clashes("--pooled", "--direct", "which has no strips"),
    *_clashes("--pooled", "--image-format=jpg", "which has --direct; png and bmp can be pooled"),
    *_clashes("--subsampling", "--mode=L", "which has no chroma"),
    *_clashes("--name", "--name-format", "which gives the whole name"),
    *_clashes("--files-per-dir --subfolders", "--layout=imagefolder", "which has other folders"),
    *_clashes("--files-per-dir", "--layout=dlio", "which has --subfolders"),
    *_clashes("--stamp", "--dedupe-ratio", "whose repeated images would differ by their stamps"),
    *_clashes("--files-per-dir", "--subfolders", "which sets the number of folders"),
    *_format_clashes(),
)
NEEDS = {
    "--layout=imagefolder": "--classes",
    "--pool-strips": "--pooled",
    "--target-size-stdev": "--target-size",
    "--shard-samples": "--tar",
    "--index": "--shard-samples",
}


def refuse_clashes(words: Set[str]) -> None:
    """Raise a `UsageError` if two of the words do not go together, or one needs another."""
    for word, other in NEEDS.items():
        if word in words and other not in words:
            raise UsageError(f"argument {word.replace('=', ' ')}: only with {other}")
    if "--shard-samples" in words:  # --tar writes files then, which --name-format names.
        words = words - {"--tar", "--name-format"}
    for word, other, reason in CLASHES:
        if word in words and other in words:
            raise UsageError(f"argument {word}: {reason}")
