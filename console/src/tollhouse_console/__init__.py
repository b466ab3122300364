"""The live terminal console of a Tollhouse gateway."""
