"""When common noise synchronises tokens, how fast, and against what."""
