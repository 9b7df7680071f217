"""Tests with the real Dataform CLI, SQL analyzer and BigQuery server: ``make local-tests``."""
