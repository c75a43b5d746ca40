"""The start of imagine-recordio, also as `python -m imagine_recordio`."""

import signal
import sys

# Until the tool handles it, an early Ctrl-C ends the process without a traceback.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from imagine_recordio.cli import main

if __name__ == "__main__":
    sys.exit(main())
