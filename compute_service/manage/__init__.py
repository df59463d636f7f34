"""What nova-manage, nova-status and nova-policy do."""
