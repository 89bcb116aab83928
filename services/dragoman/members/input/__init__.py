"""Times, places and periods as officers write them."""
