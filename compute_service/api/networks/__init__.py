"""Networks as compute showed them until 2.35, and floating addresses until 2.35 (of servers: 2.43)."""
