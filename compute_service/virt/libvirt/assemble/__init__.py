"""What a guest should be and what its host can do, turned into a domain: functions without effects."""
