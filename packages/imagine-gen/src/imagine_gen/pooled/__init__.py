"""Pooled images: assembled from strips that were encoded once.

May import `formats` and the rooms below it.
"""
