"""The built-in plugins; each room is an entry point of the group ``engine``."""
