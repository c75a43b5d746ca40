"""`python -m imagine`."""

import sys

from imagine.cli import main

sys.exit(main())
