"""Servers: the collection, one server, and what is done to it."""
