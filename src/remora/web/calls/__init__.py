"""The calls: each turns a body into a verb of the service, and its result into an answer."""
