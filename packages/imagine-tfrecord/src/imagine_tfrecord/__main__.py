"""`python -m imagine_tfrecord`."""

import sys

from imagine_tfrecord.cli import main

sys.exit(main())
