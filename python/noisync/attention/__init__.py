"""Self-attention: its laws, and how they are summed."""
