"""Real servers on loopback ports of their own: databases, broker, cache, and the services around compute."""
