"""What the processes share: messages, columns, and how they are launched and driven."""
