"""Approval rules: decide which of the agent's calls run, ask the person or are denied, and enforce it.

``rules`` what a rule is, and the built-in ones; ``patterns`` when one fits; ``shell`` what a command line comes to;
``judgement`` rules and a call -> a verdict; ``rule_book`` where rules come from; ``gate`` what stands before the tools.
"""
