"""`python -m imagine_gen`."""

import sys

from imagine_gen.cli import main

sys.exit(main())
