"""The outside services, behind the Protocols of `ports`."""
