"""What is told to telemetry, high availability and others: the events, and both forms of payloads."""
