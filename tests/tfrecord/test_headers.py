"""Headers of images, as TensorFlow decodes them; a conformance test compares with TensorFlow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagine_common.errors import ImagineError
from imagine_common.files.image_ends import is_cut
from imagine_common.files.reading import FileSlice, RegularFile
from imagine_tfrecord.schemas import find_schema
from odd_images import HEIGHT, WIDTH, Odd, jpegs, pngs


@pytest.mark.parametrize("odd", [pytest.param(odd, id=odd.name) for odd in (*jpegs(), *pngs())])
def test_channels_and_dimensions_are_those_of_the_decoded_image(tmp_path: Path, odd: Odd) -> None:
    path = tmp_path / "odd"
    path.write_bytes(odd.data)
    examine = find_schema("imagenet").examine
    with RegularFile(os.fsencode(path), "an image") as file:
        for contents in (odd.data, FileSlice(file.read_at, 0, window=64)):
            if isinstance(odd.expected, int):
                header = examine(b"odd", contents)
                assert header is not None
                found = (header.width, header.height, header.channels)
                assert found == (WIDTH, HEIGHT, odd.expected)
                assert not is_cut(contents, len(odd.data))
            elif odd.expected == "cut off" and is_cut(contents, len(odd.data)):
                pass
            else:
                with pytest.raises(ImagineError) as error:
                    examine(b"odd", contents)
                assert str(error.value).startswith("odd: ")
                assert odd.expected in str(error.value)
