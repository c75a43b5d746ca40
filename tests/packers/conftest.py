"""What both packers do alike: each test runs with each of them."""

from __future__ import annotations

import pytest

from support import PACKERS


@pytest.fixture(params=PACKERS)
def tool(request: pytest.FixtureRequest) -> str:
    return str(request.param)
