"""Jobs: generators of events that do the work of every face; the only code that loops."""
