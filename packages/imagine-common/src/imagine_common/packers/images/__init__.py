"""Images on their way into records: their files and labels.

May import `records` and the rooms below `packers`.
"""
