"""Tests of the emulator's HTTP room."""
