"""Spreading images over workers: from a unit of work to finished files.

May import `target_size` and the rooms below it.
"""
