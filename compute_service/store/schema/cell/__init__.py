"""Revisions of a cell's database."""
