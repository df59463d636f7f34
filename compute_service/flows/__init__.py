"""Durable work: flows of steps that survive any crash."""
