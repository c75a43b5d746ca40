"""What is asked for: the specification of a dataset, its checks, dimensions, layout and names.

May import `random_streams` and `scramble`.
"""
