"""What the public Python functions share: signatures, and errors that name their parameters."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsIndex, TypeAlias, TypeVar, cast

from imagine_common.errors import UsageError

_Function = TypeVar("_Function", bound=Callable[..., object])
PathLike: TypeAlias = "str | bytes | os.PathLike[str]"


class _Kind(NamedTuple):
    name: str
    types: tuple[type, ...]


# By annotation. Other annotations are names of classes.
_KINDS = {
    "None": _Kind("None", (type(None),)),
    "Encoded": _Kind("bytes", (bytes,)),
    "bool": _Kind("True or False", (SupportsIndex,)),
    "int": _Kind("a whole number", (SupportsIndex,)),
    "PathLike": _Kind("a str, bytes or path-like object", (str, bytes, os.PathLike)),
    "Workers": _Kind("a whole number or a DaskCluster", (SupportsIndex, AbstractContextManager)),
}


def check_types(values: Mapping[str, object], annotations: Mapping[str, str]) -> None:
    """Raise a `UsageError` for a value without the type of its annotation, if that is a name."""
    for name, value in values.items():
        kinds = annotations.get(name, "[]").split(" | ")
        if "[" in kinds[0] or any(_has_kind(value, kind) for kind in kinds):
            continue
        wanted = _KINDS[kinds[0]].name if kinds[0] in _KINDS else f"a {kinds[0]}"
        option = name.replace("_", "-")
        raise UsageError(f"argument --{option}: must be {wanted}, not {value!r}")


def _has_kind(value: object, kind: str) -> bool:
    if kind in _KINDS:
        return isinstance(value, _KINDS[kind].types)
    return kind in [found.__name__ for found in type(value).__mro__]


@contextmanager
def named_by_parameter() -> Iterator[None]:
    """Let the `UsageError`s of a `with` block name parameters instead of options."""
    try:
        yield
    except UsageError as error:
        error.for_python = True
        raise


class Encoded:
    """A field of a dataclass that takes a `str` or a path-like object, and holds `bytes`."""

    def __init__(self, default: PathLike | None = None) -> None:
        self._default = default

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    if TYPE_CHECKING:

        def __get__(self, _instance: object, _owner: type | None = None) -> bytes: ...

    def __set__(self, instance: object, value: PathLike) -> None:
        # A dataclass takes the descriptor itself for the field's default.
        given = self._default if isinstance(value, Encoded) else value
        with named_by_parameter():
            check_types({self._name: given}, {self._name: "PathLike"})
        vars(instance)[self._name] = os.fsencode(cast(PathLike, given))


def with_options(options: Mapping[str, object]) -> Callable[[_Function], _Function]:
    """Return a decorator that gives a public function with `**options` an explicit signature.

    `options` has the default of each keyword that the function accepts for its `**options`. The
    signature lists them as keyword-only parameters before the function's own. A call with any other
    keyword raises a `TypeError` that names the function; a value of a wrong type, a `UsageError`.
    """

    def decorate(function: _Function) -> _Function:
        own = signature(function)
        added = [
            Parameter(name, Parameter.KEYWORD_ONLY, default=default)
            for name, default in options.items()
        ]
        parameters = sorted([*added, *own.parameters.values()], key=lambda found: found.kind)[:-1]
        explicit = own.replace(parameters=parameters)
        known = explicit.parameters.keys()

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> object:
            for name in kwargs.keys() - known:
                raise TypeError(
                    f"{function.__name__}() got an unexpected keyword argument {name!r}"
                )
            with named_by_parameter():
                check_types({**dict(zip(known, args)), **kwargs}, function.__annotations__)
                return function(*args, **kwargs)

        call.__signature__ = explicit  # type: ignore[attr-defined]
        return cast("_Function", call)

    return decorate
