-- SQL Server's change tracking, change data capture and rowversion, on PostgreSQL, as Microsoft's documents say they
-- behave. One table, public."Orders", whose key may change.
--
-- Versions are given out at commit: a deferred trigger takes a lock that is held until the commit is done, so commits
-- have one order, and a reader sees a version only when it sees the rows of it.

CREATE SCHEMA standin;
CREATE SCHEMA cdc;
CREATE SCHEMA sys;

-- The one clock of commits: the last version, and whose it is.
CREATE TABLE standin.commits (version BIGINT NOT NULL, transaction XID8);
INSERT INTO standin.commits VALUES (1, NULL);

CREATE FUNCTION standin.version_of_commit() RETURNS BIGINT LANGUAGE sql AS $$
  UPDATE standin.commits SET
    version = CASE WHEN transaction = pg_current_xact_id() THEN version ELSE version + 1 END,
    transaction = pg_current_xact_id()
  RETURNING version
$$;

CREATE TABLE public."Orders" (
  "Region" TEXT, "Id" INT, "Amount" NUMERIC(18, 2), "Note" TEXT, "Twice" NUMERIC(18, 2) GENERATED ALWAYS AS ("Amount" * 2) STORED,
  "rv" BIGINT, PRIMARY KEY ("Region", "Id")
);

-- rowversion: numbered when a statement runs, committed in any order. Each writer holds a lock on a number that is not
-- above its own, taken before it, so the least lock is the lowest number that may still be uncommitted.
CREATE SEQUENCE standin.rowversions START 2001;
CREATE FUNCTION standin.number_row() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(4711, (SELECT CAST(last_value + CASE WHEN is_called THEN 1 ELSE 0 END AS INT) FROM standin.rowversions));
  NEW.rv := nextval('standin.rowversions');
  RETURN NEW;
END $$;
CREATE TRIGGER number_row BEFORE INSERT OR UPDATE ON public."Orders" FOR EACH ROW EXECUTE FUNCTION standin.number_row();
CREATE FUNCTION standin.following() RETURNS BIGINT LANGUAGE sql AS $$
  SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM standin.rowversions
$$;
CREATE FUNCTION standin.min_active() RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE next_one BIGINT := standin.following();
BEGIN
  RETURN LEAST(next_one, (SELECT MIN(CAST(CAST(objid AS TEXT) AS BIGINT)) FROM pg_locks WHERE locktype = 'advisory' AND classid = 4711 AND granted));
END $$;
CREATE FUNCTION standin.eight_bytes(digits TEXT) RETURNS BIGINT IMMUTABLE LANGUAGE sql AS $$
  SELECT CAST(CAST('x' || SUBSTR(digits, 3) AS BIT(64)) AS BIGINT)
$$;

-- What each commit did, in the order of its statements: the log.
CREATE TABLE standin.log (
  version BIGINT, place BIGSERIAL, operation INT, at TIMESTAMP DEFAULT (clock_timestamp() AT TIME ZONE 'UTC'),
  "Region" TEXT, "Id" INT, "Amount" NUMERIC(18, 2), "Note" TEXT, pair BIGINT
);
CREATE FUNCTION standin.log_row() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE v BIGINT := standin.version_of_commit(); p BIGINT := nextval('standin.log_place_seq');
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO standin.log (version, place, operation, "Region", "Id", "Amount", "Note", pair) VALUES (v, p, 2, NEW."Region", NEW."Id", NEW."Amount", NEW."Note", p);
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO standin.log (version, place, operation, "Region", "Id", "Amount", "Note", pair) VALUES (v, p, 1, OLD."Region", OLD."Id", OLD."Amount", OLD."Note", p);
  ELSE
    INSERT INTO standin.log (version, place, operation, "Region", "Id", "Amount", "Note", pair) VALUES (v, p, 3, OLD."Region", OLD."Id", OLD."Amount", OLD."Note", p);
    INSERT INTO standin.log (version, operation, "Region", "Id", "Amount", "Note", pair) VALUES (v, 4, NEW."Region", NEW."Id", NEW."Amount", NEW."Note", p);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER log_row AFTER INSERT OR UPDATE OR DELETE ON public."Orders"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION standin.log_row();

-- Change tracking: the last operation of each key since a version; a changed key is a delete and an insert.
CREATE TABLE standin.tracking (min_valid BIGINT);
INSERT INTO standin.tracking VALUES (1);
CREATE FUNCTION standin.current_version() RETURNS BIGINT LANGUAGE sql AS $$ SELECT version FROM standin.commits $$;
CREATE FUNCTION standin.min_valid() RETURNS BIGINT LANGUAGE sql AS $$ SELECT min_valid FROM standin.tracking $$;
CREATE FUNCTION standin.changes(since BIGINT)
  RETURNS TABLE ("Region" TEXT, "Id" INT, sys_change_version BIGINT, sys_change_operation CHAR(1)) STABLE LANGUAGE sql AS $$
  WITH told AS (
    SELECT l."Region", l."Id", l.version, l.place,
      CASE WHEN l.operation = 2 OR (l.operation = 4 AND is_new) THEN 'I' WHEN l.operation = 1 OR (l.operation = 3 AND is_new) THEN 'D' ELSE 'U' END AS operation
    FROM (
      SELECT *, operation IN (3, 4) AND COUNT(*) OVER (PARTITION BY version, pair, "Region", "Id") = 1 AS is_new FROM standin.log
      -- What was cleaned up is not told, and nobody says so: readers have to ask for the least valid version.
      WHERE version > GREATEST(since, (SELECT min_valid FROM standin.tracking))
    ) l WHERE l.operation <> 3 OR is_new
  )
  SELECT DISTINCT ON (t."Region", t."Id") t."Region", t."Id", t.version,
    CASE WHEN t.operation = 'D' THEN 'D' WHEN 'I' = ANY (ARRAY_AGG(t.operation) OVER (PARTITION BY t."Region", t."Id")) THEN 'I' ELSE 'U' END
  FROM told t ORDER BY t."Region", t."Id", t.place DESC
$$;
CREATE FUNCTION standin.truncated() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  UPDATE standin.tracking SET min_valid = standin.version_of_commit();
  RETURN NULL;
END $$;
CREATE TRIGGER truncated AFTER TRUNCATE ON public."Orders" EXECUTE FUNCTION standin.truncated();

-- Change data capture: a job copies whole commits from the log to the tables of changes, later than they happen.
CREATE TABLE cdc.change_tables (object_id INT, source_object_id OID, capture_instance TEXT, start_lsn TEXT COLLATE "C");
CREATE TABLE cdc.captured_columns (object_id INT, column_name TEXT, is_computed INT DEFAULT 0);
CREATE TABLE cdc.lsn_time_mapping (start_lsn TEXT COLLATE "C" PRIMARY KEY, tran_end_time TIMESTAMP);
CREATE FUNCTION standin.lsn(version BIGINT) RETURNS TEXT IMMUTABLE LANGUAGE sql AS $$ SELECT '0x' || LPAD(UPPER(TO_HEX(version * 16)), 20, '0') $$;
CREATE FUNCTION sys.fn_cdc_get_max_lsn() RETURNS TEXT LANGUAGE sql AS $$ SELECT MAX(start_lsn) FROM cdc.lsn_time_mapping $$;
-- Zero for who may not read the instance, as the documents say.
CREATE TABLE standin.rights (may_read BOOLEAN);
INSERT INTO standin.rights VALUES (TRUE);
CREATE FUNCTION sys.fn_cdc_get_min_lsn(instance TEXT) RETURNS TEXT LANGUAGE sql AS $$
  SELECT CASE WHEN may_read THEN (SELECT start_lsn FROM cdc.change_tables WHERE capture_instance = instance) ELSE '0x' || REPEAT('0', 20) END FROM standin.rights
$$;
CREATE FUNCTION standin.enable(number INT, instance TEXT, columns TEXT[]) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE name TEXT;
BEGIN
  INSERT INTO cdc.change_tables VALUES (number, CAST('public."Orders"' AS REGCLASS), instance, standin.lsn((SELECT version FROM standin.commits)));
  EXECUTE FORMAT('CREATE TABLE cdc.%I ("__$start_lsn" TEXT COLLATE "C", "__$end_lsn" TEXT, "__$seqval" TEXT COLLATE "C", "__$operation" INT, '
    '"__$command_id" INT, "Region" TEXT, "Id" INT, "Amount" NUMERIC(18, 2), "Note" TEXT, "Twice" NUMERIC(18, 2))', instance || '_CT');
  FOREACH name IN ARRAY columns LOOP
    INSERT INTO cdc.captured_columns VALUES (number, name);
  END LOOP;
  INSERT INTO cdc.captured_columns VALUES (number, 'Twice', 1);
END $$;
-- Copies the commits up to a version; the sequence of a transaction's changes goes down, its commands tell their order.
CREATE FUNCTION standin.capture(up_to BIGINT DEFAULT 9223372036854775807) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE instance RECORD; done TEXT := COALESCE((SELECT MAX(start_lsn) FROM cdc.lsn_time_mapping), '');
BEGIN
  FOR instance IN SELECT * FROM cdc.change_tables LOOP
    EXECUTE FORMAT('INSERT INTO cdc.%I SELECT standin.lsn(version), NULL, ''0x'' || LPAD(TO_HEX(1000000 - pair), 20, ''0''), operation, '
      'CAST(pair AS INT), "Region", "Id", "Amount", "Note", NULL FROM standin.log WHERE standin.lsn(version) > %L AND standin.lsn(version) > %L AND version <= %s',
      instance.capture_instance || '_CT', done, instance.start_lsn, up_to);
  END LOOP;
  INSERT INTO cdc.lsn_time_mapping SELECT standin.lsn(version), MAX(at) FROM standin.log WHERE standin.lsn(version) > done AND version <= up_to GROUP BY version;
END $$;
-- As sys.sp_cdc_cleanup_change_table: first the low endpoint rises, then rows go.
CREATE FUNCTION standin.clean_up(instance TEXT, low TEXT) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  UPDATE cdc.change_tables SET start_lsn = low WHERE capture_instance = instance;
  EXECUTE FORMAT('DELETE FROM cdc.%I WHERE "__$start_lsn" < %L', instance || '_CT', low);
END $$;
