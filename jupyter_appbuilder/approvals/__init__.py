"""Which of the agent's calls run, wait for the person's word, or do not run: rules as data, and what keeps to them.

``rules`` what a rule is, and the built-in ones; ``patterns`` when one fits; ``shell`` what a command line comes to;
``judgement`` rules and a call -> a verdict; ``rule_book`` where rules come from; ``gate`` what stands before the tools.
"""
