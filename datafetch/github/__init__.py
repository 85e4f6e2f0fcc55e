"""GitHub activity: repositories, calendars and statistics, and the sums that are made of them."""
