"""The programs that the Makefile starts."""
