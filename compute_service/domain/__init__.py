"""Pure records and rules of the compute field: no I/O and no framework."""
