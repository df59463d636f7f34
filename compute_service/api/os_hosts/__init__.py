"""Hosts as compute showed them until 2.42; services and hypervisors tell more."""
