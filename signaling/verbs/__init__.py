"""What applications ask for, by subject: each module has its ``VERBS``."""
