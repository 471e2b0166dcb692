"""Where requests and messages come in: routes, callers, problems, push deliveries."""
