"""Networks and what they are trained with; `families` names them, `fast` folds the ladder."""
