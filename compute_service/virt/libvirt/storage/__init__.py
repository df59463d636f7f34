"""Disks of guests on a host: images that are fetched once, looked into before use, and kept while in use."""
