"""The contents of images, as pixels: noise or scenes like photographs, for any file format.

May import `dataset`, `random_streams` and `scramble`.
"""
