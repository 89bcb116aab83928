"""The frame of one page: who asks, how it is drawn, its layout, and sessions."""
