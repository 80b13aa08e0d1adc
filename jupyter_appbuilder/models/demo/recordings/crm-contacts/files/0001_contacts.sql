CREATE TABLE contacts (
  id INTEGER PRIMARY KEY,
  owner INTEGER NOT NULL REFERENCES _users (id) ON DELETE CASCADE,
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  email TEXT NOT NULL DEFAULT '' CHECK (length(email) <= 254),
  company TEXT NOT NULL DEFAULT '' CHECK (length(company) <= 200),
  created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

CREATE INDEX contacts_of_owner ON contacts (owner, id DESC);
