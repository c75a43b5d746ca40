"""The machine: CPUs, memory, control groups, signals, and how to start processes.

May import `errors` and `text`.
"""
