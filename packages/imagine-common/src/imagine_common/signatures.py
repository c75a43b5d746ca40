"""Explicit signatures for functions that pass keyword options on."""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter, signature
from typing import Any, TypeVar, cast

_Function = TypeVar("_Function", bound=Callable[..., object])


def with_options(options: Mapping[str, object]) -> Callable[[_Function], _Function]:
    """Return a decorator that gives a function with `**options` an explicit signature.

    `options` has the default of each keyword that the function accepts for its `**options`. The
    signature lists them as keyword-only parameters before the function's own. A call with any other
    keyword raises a `TypeError` that names the function.
    """

    def decorate(function: _Function) -> _Function:
        own = signature(function)
        positional, keywords = [], []
        for parameter in own.parameters.values():
            if parameter.kind is Parameter.KEYWORD_ONLY:
                keywords.append(parameter)
            elif parameter.kind is not Parameter.VAR_KEYWORD:
                positional.append(parameter)
        added = [
            Parameter(name, Parameter.KEYWORD_ONLY, default=default)
            for name, default in options.items()
        ]
        explicit = own.replace(parameters=[*positional, *added, *keywords])
        known = explicit.parameters.keys()

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> object:
            for name in kwargs:
                if name not in known:
                    raise TypeError(
                        f"{function.__name__}() got an unexpected keyword argument {name!r}"
                    )
            return function(*args, **kwargs)

        call.__signature__ = explicit  # type: ignore[attr-defined]
        return cast("_Function", call)

    return decorate
