"""What all tests start from."""

from __future__ import annotations

import signal
from contextlib import suppress

# Under nohup, or as a shell's background job, signals come ignored, and would stay so in every
# process that a test starts and ends by one.
for number in (signal.SIGHUP, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

with suppress(ImportError):  # Not all environments have Hypothesis.
    from hypothesis import HealthCheck, settings

    # Its own defaults allow an example 200 ms, which a busy machine takes now and then, and draw
    # other examples in every run, and remember them. A search at random belongs into a run by
    # hand, as in fuzz.py, not into the verdict on a change.
    settings.register_profile(
        "repeatable",
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("repeatable")
