"""Object stores, through fsspec: files under URLs. Nothing here is imported without a URL."""
