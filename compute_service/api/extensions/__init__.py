"""The extensions of old, which are all part of the API."""
