"""Connected Tesla accounts: grants, consent, and the keeper of their tokens."""
