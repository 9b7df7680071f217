"""Tests of the emulator's Google Cloud Dataform API."""
