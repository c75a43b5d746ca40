"""Keeping freed memory for the next image."""

_BYTES = 8 << 20


def keep_freed_memory() -> None:
    """Have the C library keep some megabytes of freed memory, where it is glibc's.

    Unless told, it gives what is free at the heap's end, beyond 128 KiB, back to the system, and
    then takes a page fault for every 4 KiB of the next image: half the time of packing 100 KB. A
    large block that is freed tells it to keep twice as much (mallopt(3), M_MMAP_THRESHOLD).
    """
    bytes(_BYTES)
