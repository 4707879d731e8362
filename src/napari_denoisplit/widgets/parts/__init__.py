"""Parts that every page is built of: columns, fields, run panel, plots, worker."""
