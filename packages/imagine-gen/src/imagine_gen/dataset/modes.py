"""The modes of images."""

from __future__ import annotations

CHANNELS = {"RGB": 3, "RGBA": 4, "L": 1}
