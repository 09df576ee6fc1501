"""Everything a user touches: the REST service and the command."""
