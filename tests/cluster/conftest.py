"""Patience with clusters: scheduler and workers of a busy machine take their time to start."""

from __future__ import annotations

import os

from support import PATIENCE

# Before Dask is imported, which reads them then. Tests of impatience have their own.
os.environ["DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT"] = f"{PATIENCE:.0f}s"
os.environ["DASK_IMAGINE__WORKERS_TIMEOUT"] = f"{PATIENCE:.0f}s"
