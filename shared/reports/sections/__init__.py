"""The report's sections: each one turns readings into blocks."""
