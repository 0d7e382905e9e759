"""Where rows live: a small seam over a database, named SQL, numbered migrations. Nothing here decides."""
