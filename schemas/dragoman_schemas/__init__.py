"""Every shape that crosses a process or reaches the log, as data and nothing else."""
