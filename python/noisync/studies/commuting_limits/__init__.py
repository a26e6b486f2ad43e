"""Three limits of deep, wide transformers with many tokens, each in its own coupling."""
