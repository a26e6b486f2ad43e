"""Where tokens end under random value matrices: at one point, or at two antipodes."""
