"""HTTP: bytes in, structs out. Nothing here queries or decides."""
