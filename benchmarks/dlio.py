"""Compare the presets of MLPerf Storage with DLIO's own generator, and let DLIO train on them.

    python benchmarks/dlio.py PROGRAM

PROGRAM is the `dlio_benchmark` of an environment that has DLIO, an MPI library, TensorFlow and
PyTorch; MLPerf Storage v3 uses github.com/mlcommons/DLIO_local_changes. Both sides make the same
files in turn. A ratio above 1 means that imagine takes less time. The second table has what an
epoch of training finds, without a change to DLIO or to the files. The script exits with 1 if names
or sizes differ, or if DLIO does not read all samples.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from environments import imagine_environment
from measure import Run, Side, in_turn, paired_ratio, run
from run import memory_folder

_LOGGED = r"(?m)^\W*\w+\W+(\S+) {}"
_TRAINED = r"Ending block 1 - (\d+) steps completed"


class Workload(NamedTuple):
    """A workload of MLPerf Storage: its preset, and DLIO's settings for it."""

    preset: str
    framework: str
    format: str
    samples_per_file: int
    record_length: float

    def command(self, programs: Path, folder: str, files: int, *options: str) -> list[str]:
        """Return the command by which imagine makes a number of files."""
        count = str(files * self.samples_per_file)
        make = [str(programs / "imagine-gen"), "--preset", self.preset, "--count", count, *options]
        if self.format == "jpeg":
            return [*make, "--path", folder]
        pack = [str(programs / "imagine-tfrecord"), "--preset", self.preset, "-q", "--tar"]
        pack += ["--img-per-file", str(self.samples_per_file), "--expect", count, "--index"]
        pipe = f"{shlex.join([*make, '--tar'])} | {shlex.join([*pack, '--dest-path', folder])}"
        return ["bash", "-o", "pipefail", "-c", pipe]

    def settings(self, folder: str, files: int, **others: object) -> list[str]:
        """Return the arguments by which DLIO makes or reads a number of files."""
        settings = {
            "framework": self.framework,
            "dataset.data_folder": folder,
            "dataset.format": self.format,
            "dataset.num_files_train": files,
            "dataset.num_files_eval": 0,
            "dataset.num_subfolders_train": 0,
            "dataset.num_subfolders_eval": 0,
            "dataset.num_samples_per_file": self.samples_per_file,
            "dataset.record_length_bytes": self.record_length,
            "reader.data_loader": self.framework,
            "train.epochs": 1,
            "train.computation_time": 0.001,
            "workflow.evaluation": False,
            **others,
        }
        words = [f"++workload.{name}={value}" for name, value in settings.items()]
        return ["workload=default", f"hydra.run.dir={folder}.log", *words]


RETINANET = Workload("mlperf-storage-retinanet", "pytorch", "jpeg", 1, 322_957)
RESNET50 = Workload("mlperf-storage-resnet50", "tensorflow", "tfrecord", 1251, 114_660.07)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("program", type=Path, metavar="PROGRAM", help="DLIO's dlio_benchmark")
    parser.add_argument("--files", type=int, default=2400, metavar="N", help="JPEG files")
    parser.add_argument("--shards", type=int, default=6, metavar="N", help="TFRecord files")
    parser.add_argument("--batch", type=int, default=24, metavar="N", help="samples a step")
    parser.add_argument("--pairs", type=int, default=5, metavar="N", help="pairs of runs")
    parser.add_argument("--target", type=Path, default=memory_folder(), metavar="DIR")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and return the exit code."""
    args = build_parser().parse_args(argv)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    programs = imagine_environment()
    right = True
    for workload, files in ((RETINANET, args.files), (RESNET50, args.shards)):
        folder = tempfile.mkdtemp(prefix="dlio-", dir=args.target)
        try:
            race(args, workload, files, programs, folder)
            right &= check(args, workload, files, folder)
        finally:
            shutil.rmtree(folder)
    return 0 if right else 1


def race(
    args: argparse.Namespace, workload: Workload, files: int, programs: Path, folder: str
) -> None:
    """Make the files by both tools in turn, and print the ratios of their times."""
    ours, peer = os.path.join(folder, "imagine"), os.path.join(folder, "dlio")
    command = workload.command(programs, ours, files, "--direct")
    generate = {"workflow.generate_data": True, "workflow.train": False}
    arguments = workload.settings(peer, files, **generate)

    def cleared(path: str, action: Callable[[], Run]) -> Callable[[], Run]:
        def act() -> Run:
            shutil.rmtree(path, ignore_errors=True)
            return action()

        return act

    sides = {
        "imagine": Side(files, cleared(ours, lambda: run(command))),
        "dlio": Side(files, cleared(peer, lambda: generated([str(args.program), *arguments]))),
    }
    rates, _ = in_turn(sides, args.pairs)
    whole = paired_ratio(rates["imagine"], rates["dlio"])
    writing = paired_ratio(rates["imagine (own)"], rates["dlio (own)"])
    print(f"{workload.preset}, --direct, {files} files against DLIO's generator:", end=" ")
    print(f"whole command {whole:.1f}×, write phase {writing:.2f}×", flush=True)


def generated(command: Sequence[str]) -> Run:
    """Run DLIO's generator; its own seconds are those between two lines of its log."""
    result = run(command)
    log = Path(next(word for word in command if word.startswith("hydra.run.dir=")).split("=")[1])
    text = (log / "dlio.log").read_text()
    start, end = (
        datetime.fromisoformat(match[1])
        for phase in ("Starting data generation", "Generation done")
        if (match := re.search(_LOGGED.format(phase), text))
    )
    return Run(result.seconds, (end - start).total_seconds())


def check(args: argparse.Namespace, workload: Workload, files: int, folder: str) -> bool:
    """Compare the names and sizes of both folders, and let DLIO train on imagine's."""
    ours, peer = Path(folder, "imagine"), Path(folder, "dlio")
    same = listing(ours) == listing(peer)
    train = {
        "workflow.generate_data": False,
        "workflow.train": True,
        "reader.batch_size": args.batch,
        "dataset.skip_listing": True,  # as `mlpstorage` of version 3 runs it: names are computed,
        "dataset.listing_validation_interval": 1,  # and all of them must be there
    }
    run([str(args.program), *workload.settings(str(ours), files, **train)])
    log = Path(f"{ours}.log", "dlio.log").read_text()
    match = re.search(_TRAINED, log)
    read = int(match[1]) * args.batch if match else 0
    samples = files * workload.samples_per_file // args.batch * args.batch
    names = "the same names and sizes" if same else "OTHER NAMES OR SIZES"
    print(f"{names}; DLIO trained on {read:,} of {samples:,} samples in whole batches", flush=True)
    return same and read == samples


def listing(folder: Path) -> dict[str, int]:
    """Return the size of each file below a folder, and -1 for folders."""
    return {
        str(path.relative_to(folder)): path.stat().st_size if path.is_file() else -1
        for path in folder.rglob("*")
    }


if __name__ == "__main__":
    sys.exit(main())
