"""Pictures of runs, and the look of all pictures and reports."""
