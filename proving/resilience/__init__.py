"""Proves that a deployment which is killed anywhere heals when it is run again."""
