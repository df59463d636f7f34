"""Tempest, OpenStack's own integration tests, against a cloud of ours."""
