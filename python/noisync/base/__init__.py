"""What every room uses: checks of arguments, threads, memory, parts of a model."""
