"""Random attacks with a fixed seed; run by `__main__`."""
