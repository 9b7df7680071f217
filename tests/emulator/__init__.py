"""Tests of the emulator: by raw requests in folders like its rooms, and by Google's clients."""
