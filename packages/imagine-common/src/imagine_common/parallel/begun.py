"""Units of work that a function has only begun; threads of its process finish them."""

from __future__ import annotations

from typing import Any


def finished(result: Any) -> Any:
    """Return the result of a unit that a function has done, or wait for one that it has begun."""
    return result.result() if is_begun(result) else result


def is_begun(result: Any) -> bool:
    """Return whether a function's result has a method `result` that waits, and `cancel`."""
    return hasattr(result, "cancel")
