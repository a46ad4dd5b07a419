"""Configuration: YAML only; Hydra finds this folder by its path."""
