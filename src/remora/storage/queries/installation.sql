-- name: installation_value
-- One value of the installation: its salt, its signing key.
SELECT value FROM installation WHERE name = :name;

-- name: installation_keep
-- Keeps a value unless there is one: whoever comes first decides.
INSERT INTO installation (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING;
