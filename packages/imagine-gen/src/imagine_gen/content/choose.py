"""The choice of a dataset's content."""

from __future__ import annotations

from imagine_gen.content.base import Content
from imagine_gen.dataset.formats import CHANNELS
from imagine_gen.dataset.spec import DatasetSpec


def content_of(spec: DatasetSpec) -> Content:
    """Return the content of a dataset's images."""
    if spec.content == "photo":
        from imagine_gen.content.photo.images import PhotoContent

        return PhotoContent(spec.seed, spec.width, spec.height, spec.mode)
    from imagine_gen.content.noise import Noise

    return Noise(spec.seed, spec.row_bytes, CHANNELS[spec.mode])
