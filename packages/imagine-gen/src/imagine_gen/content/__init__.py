"""What images show: noise or photo-like scenes, as pixels, whatever the file format.

May import `dataset`, `random_streams` and `scramble`.
"""
