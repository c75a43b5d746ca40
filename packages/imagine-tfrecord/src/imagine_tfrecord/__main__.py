"""The entry point of imagine-tfrecord; also `python -m imagine_tfrecord`."""

import sys
from collections.abc import Sequence

from imagine_common.lazy import quiet_interrupts


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    quiet_interrupts()
    from imagine_tfrecord.cli import main as run

    return run(argv)


if __name__ == "__main__":
    sys.exit(main())
