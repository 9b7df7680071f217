"""Tests of documents, metadata, workflows, releases and scripts."""
