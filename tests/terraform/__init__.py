"""Terraform without network: a stand-in for the provider `hashicorp/google` that serves its schema."""
