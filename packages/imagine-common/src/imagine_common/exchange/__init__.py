"""The data that tools pass to each other: manifests, file names, parts and tar streams.

May import `files`, `host`, `errors` and `text`.
"""
