"""Split many files: which, with what outcome, and the record that tells what is done."""
