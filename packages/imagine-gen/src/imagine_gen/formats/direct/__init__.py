"""JPEG written directly: random bytes that are valid JPEG, without an encoder.

`coding` has the Huffman tables that make this possible, `noise` and `photo` have the encoders.
docs/direct-jpeg.md explains the idea. May import `content`, `dataset` and `random_streams`.
"""
