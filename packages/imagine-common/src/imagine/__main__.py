"""The entry point of the command imagine; also `python -m imagine`."""

import sys
from collections.abc import Sequence

from imagine_common.lazy import quiet_interrupts


def main(argv: Sequence[str] | None = None) -> int:
    """Run a tool under the name of the program that it replaces, and return its exit code."""
    quiet_interrupts()
    from imagine.cli import main as run

    return run(argv)


if __name__ == "__main__":
    sys.exit(main())
