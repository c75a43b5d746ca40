"""The contents of images, as pixels: noise or scenes like photographs, for any file format.

May import `dataset` and `random_streams`.
"""
