"""The command `denoisplit noise`: its options, its tasks, the work of each, and the report."""
