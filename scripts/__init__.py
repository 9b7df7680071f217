"""The programs that the Makefile and the workflows start, one folder for each subject."""
