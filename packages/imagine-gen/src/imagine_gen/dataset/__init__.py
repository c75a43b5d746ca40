"""The description of a dataset: options, checks, formats and limits, dimensions, layout, names.

May import `random_streams`.
"""
