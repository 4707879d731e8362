"""The Train page: train a model, with live curves and preview."""
