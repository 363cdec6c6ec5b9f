"""An operator's work on a deployed stack, and what it shares with that on a data folder
(`common`)."""
