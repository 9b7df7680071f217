"""Tests of what surrounds the package: documents, metadata, workflows, releases, scripts."""
