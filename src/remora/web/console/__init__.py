"""The console: pages for the people of a shop, made on the server. It works without JavaScript, and better with it."""
