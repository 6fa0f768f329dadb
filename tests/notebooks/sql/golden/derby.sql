-- tables
SELECT s.SCHEMANAME AS table_schema, t.TABLENAME AS table_name, CASE WHEN s.SCHEMANAME = CURRENT SCHEMA THEN 1 ELSE 0 END AS is_default FROM SYS.SYSTABLES t JOIN SYS.SYSSCHEMAS s ON s.SCHEMAID = t.SCHEMAID WHERE t.TABLETYPE IN ('T', 'V')

-- columns
SELECT c.COLUMNNAME AS column_name, CAST(c.COLUMNDATATYPE AS VARCHAR(128)) AS data_type, c.COLUMNNUMBER AS place FROM SYS.SYSCOLUMNS c WHERE c.REFERENCEID = (SELECT t.TABLEID FROM SYS.SYSTABLES t JOIN SYS.SYSSCHEMAS s ON s.SCHEMAID = t.SCHEMAID WHERE s.SCHEMANAME = 'sales' AND t.TABLENAME = 'Orders of "O''Brien" [x] `y`')

-- primary key
SELECT c.COLUMNNAME AS column_name, LOCATE(', ' || TRIM(CAST(c.COLUMNNUMBER AS CHAR(10))) || ',', d.columns) AS place FROM SYS.SYSCOLUMNS c JOIN (SELECT k.TABLEID AS tableid, ', ' || SUBSTR(CAST(g.DESCRIPTOR AS VARCHAR(1000)), LOCATE('(', CAST(g.DESCRIPTOR AS VARCHAR(1000))) + 1, LOCATE(')', CAST(g.DESCRIPTOR AS VARCHAR(1000))) - LOCATE('(', CAST(g.DESCRIPTOR AS VARCHAR(1000))) - 1) || ',' AS columns FROM SYS.SYSCONSTRAINTS k JOIN SYS.SYSKEYS y ON y.CONSTRAINTID = k.CONSTRAINTID JOIN SYS.SYSCONGLOMERATES g ON g.CONGLOMERATEID = y.CONGLOMERATEID WHERE k.TYPE = 'P') d ON d.tableid = c.REFERENCEID WHERE c.REFERENCEID = (SELECT t.TABLEID FROM SYS.SYSTABLES t JOIN SYS.SYSSCHEMAS s ON s.SCHEMAID = t.SCHEMAID WHERE s.SCHEMANAME = 'sales' AND t.TABLENAME = 'Orders of "O''Brien" [x] `y`') AND LOCATE(', ' || TRIM(CAST(c.COLUMNNUMBER AS CHAR(10))) || ',', d.columns) > 0

-- extent
SELECT COUNT(*) AS row_count, MIN("Id") AS least, MAX("Id") AS greatest FROM "sales"."Orders of ""O'Brien"" [x] `y`"

-- extent of a part
SELECT COUNT(*) AS row_count FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "Id" > 7

-- buckets
SELECT COUNT(*) AS row_count, MIN(k) AS least, MAX(k) AS greatest FROM (SELECT "Id" AS k, CASE WHEN "Id" < 10 THEN 0 WHEN "Id" < 20 THEN 1 ELSE 2 END AS bucket FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "Id" >= 1 AND "Id" <= 29) counted GROUP BY bucket

-- select
SELECT "Id", "Full Name", "Price", "Free", "Born", "At", "Exact", "Zoned", "Hour" FROM "sales"."Orders of ""O'Brien"" [x] `y`"

-- select a part
SELECT "Id", "Full Name" FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "Id" > 7

-- a column of type XML
SELECT XMLSERIALIZE("X" AS CLOB) AS "X" FROM "sales"."Orders of ""O'Brien"" [x] `y`"

-- landed as text
--   Free: a decimal of more digits than Spark's 38
--   Hour: a time of day: Spark has no such type
