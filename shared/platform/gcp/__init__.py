"""Adapters on Google Cloud: Firestore, Cloud Storage, Pub/Sub and Secret Manager.

Nothing of Google's is imported before an adapter is used: each client costs a function tens of milliseconds at start.
"""
