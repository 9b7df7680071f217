"""Tests by faults: what each of them does to a step, at random as well, and what leaks."""
