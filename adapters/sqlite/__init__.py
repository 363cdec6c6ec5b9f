"""SQLite files of the local engine."""
