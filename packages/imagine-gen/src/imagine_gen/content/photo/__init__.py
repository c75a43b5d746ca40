"""Photo content: scenes with the statistics of photographs, in integer arithmetic.

From the bottom up: `tables` and `leaves` are the material, `textures` are made once for each
dataset, `scene` draws the composition of an image, and `images` makes its pixels.
"""
