"""The entry point of imagine-gen; also `python -m imagine_gen`."""

import sys
from collections.abc import Sequence

from imagine_common.lazy import quiet_interrupts


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    quiet_interrupts()
    from imagine_gen.cli import main as run

    return run(argv)


if __name__ == "__main__":
    sys.exit(main())
