"""Code of the user's: found by name, imported privately, never executed by accident."""
