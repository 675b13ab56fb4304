"""The parameters of a notebook: declared in its first cell, checked, and written down."""
