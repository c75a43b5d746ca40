"""Files and folders: reading, atomic writing, temporary names, free space, and object stores.

May import `host`, `errors` and `text`.
"""
