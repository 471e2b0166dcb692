"""What cold starts are measured beside: single files that load the same libraries and do the same, inline.

They run from a folder of their own, in the environment of the archives; nothing of the project is on their path.
"""
