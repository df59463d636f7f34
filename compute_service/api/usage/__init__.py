"""What projects use, in hours."""
