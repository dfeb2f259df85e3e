"""When an answer can be believed: sets of types, deepest types; pure arrays."""
