"""The services and functions of the product as processes of this machine."""
