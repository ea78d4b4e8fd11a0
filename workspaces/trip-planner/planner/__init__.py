"""The agents of trip-planner and what they know; `places.json` is all the data there is."""
