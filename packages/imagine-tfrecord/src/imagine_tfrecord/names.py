"""The names that options of the tool take."""

WRITERS = ("native", "tensorflow")
SCHEMAS = ("basic", "imagenet", "dlio")
