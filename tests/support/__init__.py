"""What the tests share: fakes, readers of what a step leaves, and stand-ins for servers."""
