"""`python -m imagine_recordio`."""

import sys

from imagine_recordio.cli import main

sys.exit(main())
