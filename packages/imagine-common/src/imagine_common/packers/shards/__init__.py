"""Shards: how a source is cut, how files are named, published and resumed."""
