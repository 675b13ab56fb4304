"""The Jupyter kernel that executes a notebook: how it is started, watched and ended."""
