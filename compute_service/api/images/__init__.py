"""The image service as compute showed it until 2.35, and images' metadata until 2.38."""
