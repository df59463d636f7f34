"""The outside services in memory: for tests, for the simulation and for the all-in-one process."""
