"""Signatures and docstrings that the packages put together at run time, for the API reference."""

from __future__ import annotations

import inspect
from importlib import import_module

import griffe


class RunTimeFunctions(griffe.Extension):  # type: ignore[misc]
    """Replace what the source shows of public functions by what they have at run time."""

    def on_function(self, *, func: griffe.Function, **_: object) -> None:
        """Replace the signature and the docstring of a public function."""
        if func.docstring and func.name in import_module(func.package.path).__all__:
            function = getattr(import_module(func.module.path), func.name)
            func.docstring.value = inspect.getdoc(function) or ""
            parameters = inspect.signature(function).parameters.values()
            func.parameters = griffe.Parameters(*map(parameter_at_run_time, parameters))


def parameter_at_run_time(parameter: inspect.Parameter) -> griffe.Parameter:
    """Return a parameter of a function as griffe describes it."""
    return griffe.Parameter(
        parameter.name,
        kind=griffe.ParameterKind[parameter.kind.name.lower()],
        annotation=None if parameter.annotation is parameter.empty else str(parameter.annotation),
        default=None if parameter.default is parameter.empty else repr(parameter.default),
    )
