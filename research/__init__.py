"""Tools that feed Parley with recorded chat and study it; nothing at run time imports them."""
