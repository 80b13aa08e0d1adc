"""Conformance suites for authors of sandbox providers, tools and event stores: subclass one in a test module.

Nothing here is imported when a server or a kernel runs. The extra ``testing`` installs what the suites need.
"""
