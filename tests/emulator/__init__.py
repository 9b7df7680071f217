"""Tests of the emulator, by raw requests and by Google's own clients."""
