-- From when on a worker is followed again, after he was not: what his phone measured before is nobody's, however late it
-- comes. Null: he always was.

ALTER TABLE workers ADD COLUMN followed_since timestamptz;
