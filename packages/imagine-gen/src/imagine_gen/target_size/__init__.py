"""JPEG files of exactly the size in bytes that is asked for.

An image is encoded at the level of quantization at which it just fits, and comments fill the rest.
`level_search` finds the level, `encoder` draws the sizes and encodes the images.

May import `formats` and the rooms below it.
"""
