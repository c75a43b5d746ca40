"""Shards: cut from a source, named, written, and compared for `--resume`."""
