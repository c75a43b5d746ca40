"""Files and folders: reading, atomic writing, temporary names, free space, object stores.

May import `host`, `errors` and `text`.
"""
