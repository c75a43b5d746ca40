"""What imagine's tools share: contracts of the command line, manifests, whole files, processes."""

__version__ = "0.1.0"
