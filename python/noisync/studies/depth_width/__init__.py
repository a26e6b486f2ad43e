"""Convergence of deep, wide layers to the limit."""
