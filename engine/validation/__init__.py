"""Splits, information coefficients and their errors: what keeps a result honest."""
