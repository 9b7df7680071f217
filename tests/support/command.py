"""The script that an installer creates for the command ``dataform-action``."""

from dataform_action.__main__ import entry

if __name__ == "__main__":
    entry()
