"""What the packers share: from images to shards, whatever the record format.

May import every other room of `imagine_common`.
"""
