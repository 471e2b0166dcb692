"""What a release stores and sends, recorded for the next one: two releases run side by side while one is deployed.

Each file beside this module holds, of one type, an example with every field, the fields that this release insists on,
and the values that it knows of each enumeration.
"""
