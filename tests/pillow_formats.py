"""Which file formats the installed Pillow writes, asked by other means than the tool uses."""

from __future__ import annotations

from PIL import Image, features

from imagine_gen.dataset.formats import FORMATS

Image.init()
KINDS = {name: found.pillow for name, found in FORMATS.items() if found.pillow}
AVAILABLE = [
    name
    for name, kind in KINDS.items()
    if kind in Image.SAVE and (name != "jp2" or features.check_codec("jpg_2000"))
]
WRITABLE = [name for name in FORMATS if name not in KINDS or name in AVAILABLE]
