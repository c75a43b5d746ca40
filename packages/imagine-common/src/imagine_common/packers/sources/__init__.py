"""Where images come from: a manifest, a folder or a tar stream, behind the protocols in `base`.

May import `images`, `records` and the rooms below `packers`.
"""
