"""What the tools hand to each other: manifests, file names, parts and tar streams.

May import `files`, `host`, `errors` and `text`.
"""
