"""What runs on a compute host."""
