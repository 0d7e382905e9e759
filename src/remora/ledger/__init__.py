"""The rules: account state and a command in, entries or a refusal out. No I/O, no clock."""
