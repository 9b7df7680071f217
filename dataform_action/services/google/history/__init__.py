"""The earlier runs: ``runs`` finds those that can be compared, ``parse`` reads the lists."""
