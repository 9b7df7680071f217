"""The programs that the Makefile and the workflows start, in a folder for each subject."""
