"""What Tesla is: endpoints, client, consent and tokens, regions, errors, typed models."""
