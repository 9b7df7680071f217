"""Tests of the whole step, as a function or as a process, against the emulator."""
