"""The machine: CPUs, memory, control groups, signals and how processes start.

May import `errors` and `text`.
"""
