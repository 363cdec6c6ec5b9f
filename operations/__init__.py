"""An operator's work on a deployed stack, and code that it shares with work on a data folder
(`common`)."""
