"""One module for each file format, behind the Protocols of `base`.

May import `content`, `dataset`, `random_streams` and `scramble`.
"""
