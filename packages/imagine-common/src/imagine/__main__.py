"""The entry point of the command imagine; also `python -m imagine`."""

import sys

from imagine_common.lazy import entry_point

main = entry_point("imagine.cli")

if __name__ == "__main__":
    sys.exit(main())
