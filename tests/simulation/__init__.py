"""Durable flows under crashes, loss, doubling, delay and reordering, on a virtual clock, by seed."""
