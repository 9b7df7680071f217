"""Tests of the emulator's BigQuery API."""
