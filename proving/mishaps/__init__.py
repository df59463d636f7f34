"""What goes wrong with real sites, done to one of the lab's on purpose: what is told, and what heals it."""
