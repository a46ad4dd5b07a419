"""The report: one page, and pictures, drawn from the artifacts in a run folder alone."""
