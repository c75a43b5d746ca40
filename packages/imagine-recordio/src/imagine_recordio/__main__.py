"""The entry point of imagine-recordio; also `python -m imagine_recordio`."""

import sys

from imagine_common.lazy import entry_point

main = entry_point("imagine_recordio.cli")

if __name__ == "__main__":
    sys.exit(main())
