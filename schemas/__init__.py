"""Contracts of the frames that stages hand over, one frame a file."""
