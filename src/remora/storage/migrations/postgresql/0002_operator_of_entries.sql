-- Who did it: the name of the operator who asked for an entry, where it was a person.

ALTER TABLE entries ADD COLUMN operator text;
