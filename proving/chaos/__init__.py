"""Whole lives of servers under kills: what is accepted is done, nothing is stuck and nothing is left over."""
