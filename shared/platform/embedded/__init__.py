"""Adapters that need nothing but Python: SQLite files, a folder and environment variables.

Made for one machine: several processes and threads may share the files, and a killed process loses nothing it had
finished. A power failure may lose the last moments (SQLite runs with ``synchronous=NORMAL``).
"""
