"""How each figure is taken: from processes, from runs in real time, and from simulated polls."""
