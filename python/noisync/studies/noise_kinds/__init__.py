"""What kinds of noise do to the same tokens at the same strength."""
