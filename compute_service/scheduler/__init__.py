"""Chooses hosts for servers."""
