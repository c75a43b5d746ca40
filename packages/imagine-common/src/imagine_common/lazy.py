"""Start fast: public names imported at their first use, and interrupts without a traceback.

Imports nothing that takes long: every tool loads this module before any other.
"""

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module


def import_on_use(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
    """Return the `__getattr__` of a package that imports a public name at its first use (PEP 562).

    `modules` has the module of each name: one of the package's, such as `.pack`, or another.
    """

    def get(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(modules[name], package), name)
        return value

    return get


def out_of_memory(error: BaseException) -> bool:
    """Return whether memory was too short, for a library that failed to load, for example."""
    cause = error.__cause__
    return (
        isinstance(error, MemoryError)
        or (isinstance(error, ImportError) and "failed to map" in str(error))
        or (cause is not None and out_of_memory(cause))
    )


def quiet_interrupts() -> None:
    """Let Ctrl-C end the process without a traceback until the tool handles signals itself.

    Call this before the imports that take long.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def entry_point(module: str) -> Callable[..., int]:
    """Return the `main` of a command, which imports the `main` of a module when it is called."""

    def main(argv: Sequence[str] | None = None) -> int:
        quiet_interrupts()
        try:
            tool: Callable[..., int] = import_module(module).main
        except (ImportError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            sys.stderr.write(f"{module.partition('.')[0].replace('_', '-')}: out of memory\n")
            return 1
        return tool(argv)

    return main
