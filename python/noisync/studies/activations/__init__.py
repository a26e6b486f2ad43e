"""Which activations synchronise."""
