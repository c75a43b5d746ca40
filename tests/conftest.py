"""What all tests start from."""

from __future__ import annotations

import signal

# Under nohup, or as a shell's background job, signals come ignored, and would stay so in every
# process that a test starts and ends by one.
for number in (signal.SIGHUP, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
