-- The peers' tables: a row per point, as their tools like it, with indexes that hold all that is asked for.
CREATE SCHEMA peers;
CREATE TABLE peers.curve (id int PRIMARY KEY, key text NOT NULL UNIQUE);
CREATE TABLE peers.day (curve_id int NOT NULL REFERENCES peers.curve, as_of date NOT NULL);
CREATE TABLE peers.quote (
  curve_id int NOT NULL, as_of date NOT NULL, ix smallint NOT NULL,
  tenor text NOT NULL, delivery_start date NOT NULL, delivery_end date NOT NULL,
  mid float8, bid float8, ask float8
);
-- after loading
ALTER TABLE peers.day ADD PRIMARY KEY (curve_id, as_of);
CREATE UNIQUE INDEX quote_pkey ON peers.quote (curve_id, as_of, ix)
  INCLUDE (tenor, delivery_start, delivery_end, mid, bid, ask);
ALTER TABLE peers.quote ADD PRIMARY KEY USING INDEX quote_pkey;
ALTER TABLE peers.quote ADD FOREIGN KEY (curve_id, as_of) REFERENCES peers.day;
ALTER TABLE peers.quote ADD FOREIGN KEY (curve_id) REFERENCES peers.curve;
CREATE INDEX quote_history ON peers.quote (curve_id, delivery_start, delivery_end, as_of) INCLUDE (mid, bid, ask);
-- what PostGraphile cannot say with conditions
CREATE FUNCTION peers.curves_by_keys(keys text[]) RETURNS SETOF peers.curve LANGUAGE sql STABLE AS
  'SELECT c.* FROM unnest(keys) WITH ORDINALITY AS wanted(key, place) JOIN peers.curve c USING (key) ORDER BY place';
CREATE FUNCTION peers.curve_days_between(c peers.curve, since date, until date) RETURNS SETOF peers.day
  LANGUAGE sql STABLE AS
  'SELECT * FROM peers.day WHERE curve_id = c.id AND as_of BETWEEN since AND until ORDER BY as_of';
VACUUM ANALYZE
