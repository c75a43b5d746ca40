"""The frame of every command line: parser, shared options, presets, messages and exit codes.

May import `parallel`, `exchange`, `files`, `host`, `errors` and `text`.
"""
