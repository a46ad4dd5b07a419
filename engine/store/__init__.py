"""What was computed, on disk: the folders of runs and sweeps, and the files in them."""
