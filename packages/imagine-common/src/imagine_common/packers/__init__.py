"""Pack images into shards of a record format: the code that the two packers share.

`cli` and `options` run a command line, `create` packs a folder in one call, `packing` does the
work, `records` has the values that pass through it. `sources` reads manifests, folders and tar
streams, `images` checks the images, `shards` cuts, names and writes the files. May import every
other room.
"""
