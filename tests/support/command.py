"""What an installer makes of the command ``dataform-action``."""

from dataform_action.__main__ import entry

if __name__ == "__main__":
    entry()
