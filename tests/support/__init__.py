"""Helpers for the tests: fakes, readers of a step's output, and stand-ins for servers."""
