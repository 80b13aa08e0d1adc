"""The Hub service: models for everybody on a JupyterHub, with keys that nobody sees and budgets that hold.

A process of its own beside the Hub (``jupyter appbuilder hub``). It imports no session code.
"""
