"""Tests of the job summary."""
