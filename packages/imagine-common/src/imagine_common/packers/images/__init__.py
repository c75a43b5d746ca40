"""Images on their way into records: files, labels, and the images of a slice."""
