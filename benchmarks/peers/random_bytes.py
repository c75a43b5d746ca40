"""Peer: writes random bytes of dgen-py to stdout, made by one thread.

random_bytes.py BYTES
"""

import os
import sys

import dgen_py

CHUNK_BYTES = 4 << 20


def main() -> None:
    left = int(sys.argv[1])
    source = dgen_py.Generator(size=left, max_threads=1)
    buffer = bytearray(CHUNK_BYTES)
    while left:
        made = memoryview(buffer)[: min(left, source.fill_chunk(buffer))]
        left -= len(made)
        while made:
            made = made[os.write(1, made) :]


if __name__ == "__main__":
    main()
