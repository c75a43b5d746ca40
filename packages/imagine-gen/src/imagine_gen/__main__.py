"""The entry point of imagine-gen; also `python -m imagine_gen`."""

import sys

from imagine_common.lazy import entry_point

main = entry_point("imagine_gen.cli")

if __name__ == "__main__":
    sys.exit(main())
