"""Tests of the emulated GitHub."""
