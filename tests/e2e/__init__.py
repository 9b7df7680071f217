"""The image as the runner builds, starts and kills it: ``make e2e``."""
