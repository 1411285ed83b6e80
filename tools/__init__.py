"""What is run from the checkout and never shipped: set-up, checks, the demonstration, benches."""
