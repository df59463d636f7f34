"""The services that make up the compute service."""
