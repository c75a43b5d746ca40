"""Images on their way into records: their files, labels, and checks against the record format.

May import `sources.base`, `records`, `pack_spec` and the rooms below `packers`.
"""
