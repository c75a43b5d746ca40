"""The file formats: one module for each, with the classes that `base.FileFormat` asks for.

May import `content`, `dataset` and `random_streams`.
"""
