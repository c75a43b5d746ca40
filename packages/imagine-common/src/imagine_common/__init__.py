"""Shared by the imagine tools: command lines, manifests, whole files, workers and packers."""

__version__ = "0.1.0"
