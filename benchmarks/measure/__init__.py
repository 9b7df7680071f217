"""The measurements: of processes, of runs in real time, and of simulated polls."""
