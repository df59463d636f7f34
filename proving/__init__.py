"""Programs that start a cloud on real parts and prove things on it. Not part of what is installed."""
