"""The noise models p(observation | signal) and what they share."""
