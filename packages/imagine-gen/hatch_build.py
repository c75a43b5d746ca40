"""Require the imagine-common of this package's version (a metadata hook of Hatchling)."""

from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class SameVersion(MetadataHookInterface):
    """Put the version into the dependencies. An sdist has them in its PKG-INFO."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the dependencies from the hook's table in pyproject.toml."""
        version = metadata["version"]
        metadata["dependencies"] = [
            requirement.format(version=version) for requirement in self.config["dependencies"]
        ]
