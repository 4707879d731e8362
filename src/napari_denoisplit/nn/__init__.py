"""Networks and what they are trained with; `fast` holds the folded ladder."""
