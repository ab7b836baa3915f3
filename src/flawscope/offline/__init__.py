"""Taking Flawscope to a machine without a network: a folder that holds all that an installation needs."""
