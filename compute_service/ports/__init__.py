"""Protocols of the outside world: what the service needs of it, and nothing of how it is reached."""
