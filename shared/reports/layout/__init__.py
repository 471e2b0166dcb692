"""The layout kit: measured text, page flow and blocks. It knows neither Tesla nor the PDF library."""
