"""Orders of vehicle reports: what was asked for, and the work from there to the PDFs."""
