"""Runs: what they are told, how they are carried out, and their results."""
