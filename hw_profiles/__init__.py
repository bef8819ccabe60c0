"""Chip profiles: one TOML file per chip."""
