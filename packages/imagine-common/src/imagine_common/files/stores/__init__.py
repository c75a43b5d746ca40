"""Object stores behind URLs, through obstore; imported only for URLs."""
