"""The commands of ``offhook``, one file each: its flags, and what it does."""
