"""App Builder in this process: the Python API, the magics, the widgets."""
