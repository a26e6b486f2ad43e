"""Noise: the random part of a layer."""
