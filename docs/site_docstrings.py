"""Signatures and docstrings that the packages put together at run time, for the API reference."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import griffe


class RunTimeDocumentation(griffe.Extension):  # type: ignore[misc]
    """Replace what the source shows of documented objects by what they have at run time."""

    def on_class(self, *, cls: griffe.Class, **_: object) -> None:
        """Replace the docstring of a class."""
        replace_docstring(cls)

    def on_function(self, *, func: griffe.Function, **_: object) -> None:
        """Replace the docstring and the signature of a function."""
        function = replace_docstring(func)
        if function is not None:
            parameters = inspect.signature(function).parameters.values()
            func.parameters = griffe.Parameters(*map(parameter_at_run_time, parameters))


def replace_docstring(item: griffe.Object) -> Any:
    """Replace the docstring of a class or function at the top of a module, and return it."""
    if not (item.docstring and item.parent.is_module and may_differ(item)):
        return None
    found = getattr(import_module(item.module.path), item.name)
    item.docstring.value = inspect.getdoc(found) or ""
    return found


def may_differ(item: griffe.Object) -> bool:
    """Return whether an object is public, or has a decorator of the packages' own."""
    paths = [decorator.callable_path for decorator in item.decorators]
    return item.name in (item.package.exports or ()) or any(
        path.startswith("imagine_common") for path in paths
    )


def parameter_at_run_time(parameter: inspect.Parameter) -> griffe.Parameter:
    """Return a parameter of a function as griffe describes it."""
    return griffe.Parameter(
        parameter.name,
        kind=griffe.ParameterKind[parameter.kind.name.lower()],
        annotation=None if parameter.annotation is parameter.empty else str(parameter.annotation),
        default=None if parameter.default is parameter.empty else repr(parameter.default),
    )
