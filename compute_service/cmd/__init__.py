"""Composition roots: read the configuration, wire the parts, run."""
