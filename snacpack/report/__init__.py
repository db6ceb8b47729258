"""Tables, figures and the report of a run, made from the run's files alone."""
