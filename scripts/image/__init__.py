"""Build and measure the action's image, also on a machine that reaches no registry."""
