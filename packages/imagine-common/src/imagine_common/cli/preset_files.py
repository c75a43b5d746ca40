"""The files of presets.

A preset is a JSON file: a summary, its source, notes on where its numbers come from, and the
options of each tool by their long names. All keys are optional. Files come from the folder
`presets` and from the folders in `IMAGINE_PRESETS`. Invalid files are a `UsageError`.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from imagine_common.errors import UsageError
from imagine_common.text import did_you_mean, printable

_SEARCH_PATH = "IMAGINE_PRESETS"
_SUFFIX = ".json"
_FOLDER = os.path.join(os.path.dirname(__file__), "presets")
_TOOLS = ("gen", "tfrecord", "recordio")
_TYPES: dict[str, tuple[type, str]] = {
    "summary": (str, "a text"),
    "source": (str, "a text"),
    "notes": (list, "a list of texts"),
    **dict.fromkeys(_TOOLS, (dict, "an object of options")),
}


class Preset(NamedTuple):
    """A workload; `options` maps a tool to its options, named without dashes."""

    name: str
    summary: str
    source: str
    notes: list[str]
    options: dict[str, dict[str, str | int | bool]]

    @property
    def title(self) -> str:
        """Return the summary with the source."""
        return f"{self.summary} ({self.source})" if self.source else self.summary


def find_preset(name: str, tool: str) -> Preset:
    """Return a preset, by its name in any case or by its file's path, which has a slash.

    Raises
    ------
    UsageError
        If it is unknown or invalid, has two files, or is not for a tool.
    """
    if os.sep in name:
        found = [name]
    else:
        files = _preset_files()
        found = [file for known, file in files if known.lower() == name.lower()]
    if len(found) > 1:
        raise UsageError(f"argument --preset: {' and '.join(found)}: the same name; give a path")
    preset = _read_preset(found[0]) if found else None
    if preset is not None and tool in preset.options:
        return preset
    names = [known.name for known in load_presets() if tool in known.options]
    problem = f"{name} has no options for this tool" if preset else f"no preset {name!r}"
    if name.endswith(_SUFFIX):
        problem += f"; a file is ./{name}"
    raise UsageError(
        f"argument --preset: {problem}; known presets: {', '.join(names)}"
        f"{did_you_mean(name, names)}"
    )


def load_presets() -> list[Preset]:
    """Return all presets, sorted by name."""
    return sorted(_read_preset(file) for _, file in _preset_files())


def _preset_files() -> list[tuple[str, str]]:
    """Return the name and the path of each preset's file."""
    folders = [_FOLDER, *filter(None, os.environ.get(_SEARCH_PATH, "").split(os.pathsep))]
    found = []
    for folder in folders:
        try:
            names = os.listdir(folder)
        except OSError as error:
            raise UsageError(f"{_SEARCH_PATH}: {printable(folder)}: {error.strerror}") from error
        found += [
            (name.removesuffix(_SUFFIX), os.path.join(folder, name))
            for name in sorted(names)
            if name.endswith(_SUFFIX)
        ]
    return found


def _read_preset(path: str) -> Preset:
    import json

    from imagine_common.files.reading import refuse_special

    where = f"argument --preset: {printable(path)}"
    try:
        refuse_special(os.fsencode(path), "a preset")
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except OSError as error:
        raise UsageError(f"{where}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: not JSON: {error}") from error
    _check_preset(data, where)
    name = os.path.basename(path).removesuffix(_SUFFIX)
    options = {tool: data[tool] for tool in _TOOLS if tool in data}
    return Preset(
        name, data.get("summary", ""), data.get("source", ""), data.get("notes", []), options
    )


def _check_preset(data: Any, where: str) -> None:
    """Raise a `UsageError` that begins with `where` if JSON data is not a preset."""
    if not isinstance(data, dict):
        raise UsageError(f"{where}: expected an object with the keys {', '.join(_TYPES)}")
    for key, value in data.items():
        if key not in _TYPES:
            raise UsageError(f"{where}: unknown key {key!r}; known are {', '.join(_TYPES)}")
        expected, words = _TYPES[key]
        if not isinstance(value, expected):
            raise UsageError(f"{where}: {key}: expected {words}")
    if not all(isinstance(note, str) for note in data.get("notes", [])):
        raise UsageError(f"{where}: notes: expected a list of texts")
    for tool in _TOOLS:
        for option, value in data.get(tool, {}).items():
            if value is False or not isinstance(value, (str, int)):
                raise UsageError(f"{where}: {tool}: {option}: expected a text, a number or true")
