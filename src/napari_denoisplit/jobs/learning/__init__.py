"""What every training shares: batches, budget, trainer."""
