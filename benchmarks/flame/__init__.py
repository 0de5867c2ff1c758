"""Where the relay's processor time goes under a row of the table: samples, and a flame graph of them."""
