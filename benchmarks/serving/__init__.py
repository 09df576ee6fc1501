"""The service under load, beside the same model served in other ways."""
