"""`--summary-json`: what a run did, as a JSON object for programs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from imagine_common import __version__
from imagine_common.cli.report import print_stderr
from imagine_common.errors import FAILED, file_errors
from imagine_common.files.urls import refuse_store
from imagine_common.text import show

_MODES = ("dry_run", "test", "verify", "index_only")


class SummaryFile:
    """The file of `--summary-json`, empty until the run ends: a killed run leaves no old one.

    docs/common-behavior.md describes the fields. A tool sets `args.report` to its report, and adds
    further fields to `args.facts`.
    """

    def __init__(self, args: argparse.Namespace, argv: Sequence[str]) -> None:
        self._args = args
        self._argv = argv
        self._start = time.perf_counter()
        self._path: bytes = args.summary_json
        refuse_store("--summary-json", self._path)
        with file_errors(self._path):
            self._file = open(self._path, "w", encoding="utf-8")  # noqa: SIM115 - written later

    def write(self, exit_code: int, error: str | None) -> int:
        """Write and close the file, and return the exit code, also of a failure here."""
        import json

        report = self._args.report
        counts = {"files": "files", "images": "images", "kept": "kept", "bytes": "size"}
        values = {name: getattr(report, count, 0) for name, count in counts.items()}
        modes = [mode for mode in _MODES if getattr(self._args, mode, False)]
        summary = {
            "tool": self._args.prog,
            "version": __version__,
            "arguments": [*self._argv],
            "mode": "".join(modes).replace("_", "-") or "write",
            "exit_code": exit_code,
            "error": error,
            "seconds": round(time.perf_counter() - self._start, 3),
            **values,
            "skipped": 0,
            **self._args.facts,
        }
        try:
            with self._file:
                self._file.write(json.dumps(summary, indent=2) + "\n")
        except OSError as failure:
            print_stderr(f"{self._args.prog}: error: {show(self._path)}: {failure.strerror}")
            return exit_code or FAILED
        return exit_code
