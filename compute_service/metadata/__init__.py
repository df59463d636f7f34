"""The metadata API that guests ask."""
