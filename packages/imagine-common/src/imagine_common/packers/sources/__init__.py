"""Where images come from: a manifest, a folder or a tar stream."""
