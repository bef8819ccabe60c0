"""What the integer network does under noise, and how far its states are from overflow."""
