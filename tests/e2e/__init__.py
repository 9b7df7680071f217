"""Build, run and kill the image like the runner: ``make e2e``."""
