"""The entry point of imagine-tfrecord; also `python -m imagine_tfrecord`."""

import sys

from imagine_common.lazy import entry_point

main = entry_point("imagine_tfrecord.cli")

if __name__ == "__main__":
    sys.exit(main())
