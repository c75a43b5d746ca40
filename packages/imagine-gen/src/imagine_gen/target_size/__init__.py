"""JPEG files of exactly so many bytes.

May import `pooled` and the rooms below it.
"""
