"""Build and measure the action's image, also on machines without an image registry."""
