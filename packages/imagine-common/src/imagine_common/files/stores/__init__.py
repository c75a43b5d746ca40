"""Object stores behind URLs, through fsspec; imported only for URLs."""
