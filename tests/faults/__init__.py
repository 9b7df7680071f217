"""Fault tests: the effect of each fault on a step, random faults, and leaks of secrets."""
