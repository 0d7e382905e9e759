"""The pages, a file for each kind. What they show and do is the service's; how it looks is the templates'."""
