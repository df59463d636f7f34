"""The compute API over HTTP."""
