-- tables
SELECT n.nspname AS table_schema, c.relname AS table_name, n.nspname = CURRENT_SCHEMA() AS is_default, CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_relation_size(c.oid) / 28 END AS most_rows FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%' AND pg_catalog.has_table_privilege(c.oid, 'SELECT')

-- columns
SELECT a.attname AS column_name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS data_type, a.attnum AS place FROM pg_catalog.pg_attribute a WHERE a.attrelid = '"sales"."Orders of ""O''Brien"" [x] `y`"'::regclass AND a.attnum > 0 AND NOT a.attisdropped

-- primary key
SELECT a.attname AS column_name, k.place FROM pg_catalog.pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place) JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE i.indisprimary AND i.indrelid = '"sales"."Orders of ""O''Brien"" [x] `y`"'::regclass

-- extent
SELECT COUNT(*) AS row_count, MIN("Id") AS least, MAX("Id") AS greatest FROM "sales"."Orders of ""O'Brien"" [x] `y`"

-- extent of a part
SELECT COUNT(*) AS row_count FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "Id" > 7

-- buckets
SELECT COUNT(*) AS row_count, MIN(k) AS least, MAX(k) AS greatest FROM (SELECT "Id" AS k, CASE WHEN "Id" < 10 THEN 0 WHEN "Id" < 20 THEN 1 ELSE 2 END AS bucket FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "Id" >= 1 AND "Id" <= 29) counted GROUP BY bucket

-- select
SELECT "Id", "Full Name", CASE WHEN "Price" = 'NaN' THEN CAST('column Price holds ' || CAST("Price" AS TEXT) AS NUMERIC(10, 2)) ELSE "Price" END AS "Price", "Free", CASE WHEN isfinite("Born") THEN "Born" - DATE '1970-01-01' WHEN "Born" IS NOT NULL THEN CAST('column Born holds ' || CAST("Born" AS TEXT) AS INT) END AS "Born", CASE WHEN isfinite("At") THEN "At" WHEN "At" IS NOT NULL THEN CAST('column At holds ' || CAST("At" AS TEXT) AS TIMESTAMP) END AS "At", CASE WHEN isfinite("Exact") THEN "Exact" WHEN "Exact" IS NOT NULL THEN CAST('column Exact holds ' || CAST("Exact" AS TEXT) AS TIMESTAMP) END AS "Exact", CASE WHEN isfinite("Zoned") THEN "Zoned" WHEN "Zoned" IS NOT NULL THEN CAST('column Zoned holds ' || CAST("Zoned" AS TEXT) AS TIMESTAMPTZ) END AS "Zoned", CAST("Hour" AS TEXT) AS "Hour" FROM "sales"."Orders of ""O'Brien"" [x] `y`"

-- select a part
SELECT "Id", "Full Name" FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "Id" > 7

-- landed as text
--   Free: a decimal of more digits than Spark's 38
--   Hour: a time of day: Spark has no such type
