"""What posterior samples say: statistics, spread, consensus, interpretations."""
