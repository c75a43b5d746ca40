"""The names that options of the tool take."""

WRITERS = ("native", "mxnet")
