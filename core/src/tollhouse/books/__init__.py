"""What operators ask of the ledger on the command line: sums, rows, and to forget old months."""
