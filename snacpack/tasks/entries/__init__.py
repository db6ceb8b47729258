"""One file for each task, named as its entry in the configuration."""
