"""Programs that make the reference tables of the package from libraries and databases."""
