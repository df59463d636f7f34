"""One module a flow: what it does, step by step, and how each step is taken back."""
