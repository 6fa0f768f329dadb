-- identity 1
SELECT (SELECT t.TABLEID FROM SYS.SYSTABLES t JOIN SYS.SYSSCHEMAS s ON s.SCHEMAID = t.SCHEMAID WHERE s.SCHEMANAME = 'sales' AND t.TABLENAME = 'Orders of "O''Brien" [x] `y`') AS table_id FROM SYSIBM.SYSDUMMY1

-- timestamp: reach
SELECT TRIM(CAST(MAX("At") AS CHAR(29))) AS greatest, CASE WHEN MAX("At") > CURRENT_TIMESTAMP THEN 1 ELSE 0 END AS ahead, TRIM(CAST(CURRENT_TIMESTAMP AS CHAR(29))) AS clock, CAST(NULL AS CHAR(1)) AS utc_clock, COUNT(CASE WHEN "At" IS NULL THEN 1 END) AS nulls, COUNT(*) AS row_count FROM "sales"."Orders of ""O'Brien"" [x] `y`"

-- timestamp: reach from a position
SELECT TRIM(CAST(MAX("At") AS CHAR(29))) AS greatest, CASE WHEN MAX("At") > CURRENT_TIMESTAMP THEN 1 ELSE 0 END AS ahead, TRIM(CAST(CURRENT_TIMESTAMP AS CHAR(29))) AS clock, CAST(NULL AS CHAR(1)) AS utc_clock, COUNT(CASE WHEN "At" IS NULL THEN 1 END) AS nulls, COUNT(*) AS row_count FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "At" >= TIMESTAMP('2026-03-29 01:59:59.999999')

-- timestamp: rows
SELECT CASE WHEN "At" IS NULL OR "At" >= {fn TIMESTAMPADD(SQL_TSI_SECOND, -900, TIMESTAMP('2026-03-29 02:00:00.123456'))} THEN 1 ELSE 0 END AS again FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE ("At" >= {fn TIMESTAMPADD(SQL_TSI_SECOND, -900, TIMESTAMP('2026-03-29 01:59:59.999999'))} AND "At" <= TIMESTAMP('2026-03-29 02:00:00.123456')) OR "At" IS NULL

-- timestamp: order
SELECT TRIM(CAST("At" AS CHAR(29))) AS place FROM "sales"."Orders of ""O'Brien"" [x] `y`"

-- timestamp: rows of a backfill
SELECT 1 AS one FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "At" >= TIMESTAMP('2026-03-29 01:59:59.999999') AND "At" <= TIMESTAMP('2026-03-29 02:00:00.123456') AND "At" < TIMESTAMP('2026-03-29 02:00:00.123456')

-- timestamp: behind
SELECT COUNT(*) AS row_count FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "At" >= TIMESTAMP('2026-03-29 01:59:59.999999') AND "At" > TIMESTAMP('2026-03-29 01:59:59.999999')

-- timestamp: clock
SELECT TRIM(CAST(TIMESTAMP('2026-03-29 02:00:00.123456') AS CHAR(29))) AS greatest, CASE WHEN TIMESTAMP('2026-03-29 02:00:00.123456') > CURRENT_TIMESTAMP THEN 1 ELSE 0 END AS ahead, TRIM(CAST(CURRENT_TIMESTAMP AS CHAR(29))) AS clock, CAST(NULL AS CHAR(1)) AS utc_clock FROM SYSIBM.SYSDUMMY1

-- timestamp: beyond the clock
SELECT TRIM(CAST(MAX(CASE WHEN "At" <= TIMESTAMP('2026-03-29 02:00:00.123456') THEN "At" END) AS CHAR(29))) AS greatest, COUNT(CASE WHEN "At" > TIMESTAMP('2026-03-29 02:00:00.123456') THEN 1 END) AS later FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "At" >= TIMESTAMP('2026-03-29 01:59:59.999999')

-- date: reach
SELECT CAST(MAX("At") AS CHAR(10)) AS greatest, CASE WHEN MAX("At") > CURRENT_DATE THEN 1 ELSE 0 END AS ahead, CAST(CURRENT_DATE AS CHAR(10)) AS clock, CAST(NULL AS CHAR(1)) AS utc_clock, COUNT(CASE WHEN "At" IS NULL THEN 1 END) AS nulls, COUNT(*) AS row_count FROM "sales"."Orders of ""O'Brien"" [x] `y`"

-- date: reach from a position
SELECT CAST(MAX("At") AS CHAR(10)) AS greatest, CASE WHEN MAX("At") > CURRENT_DATE THEN 1 ELSE 0 END AS ahead, CAST(CURRENT_DATE AS CHAR(10)) AS clock, CAST(NULL AS CHAR(1)) AS utc_clock, COUNT(CASE WHEN "At" IS NULL THEN 1 END) AS nulls, COUNT(*) AS row_count FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "At" >= DATE('2026-03-28')

-- date: rows
SELECT CASE WHEN "At" IS NULL OR "At" >= DATE({fn TIMESTAMPADD(SQL_TSI_SECOND, -900, TIMESTAMP(DATE('2026-03-29'), TIME('00:00:00')))}) THEN 1 ELSE 0 END AS again FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE ("At" >= DATE({fn TIMESTAMPADD(SQL_TSI_SECOND, -900, TIMESTAMP(DATE('2026-03-28'), TIME('00:00:00')))}) AND "At" <= DATE('2026-03-29')) OR "At" IS NULL

-- date: order
SELECT CAST("At" AS CHAR(10)) AS place FROM "sales"."Orders of ""O'Brien"" [x] `y`"

-- date: rows of a backfill
SELECT 1 AS one FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "At" >= DATE('2026-03-28') AND "At" <= DATE('2026-03-29') AND "At" < DATE('2026-03-29')

-- date: behind
SELECT COUNT(*) AS row_count FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "At" >= DATE('2026-03-28') AND "At" > DATE('2026-03-28')

-- date: clock
SELECT CAST(DATE('2026-03-29') AS CHAR(10)) AS greatest, CASE WHEN DATE('2026-03-29') > CURRENT_DATE THEN 1 ELSE 0 END AS ahead, CAST(CURRENT_DATE AS CHAR(10)) AS clock, CAST(NULL AS CHAR(1)) AS utc_clock FROM SYSIBM.SYSDUMMY1

-- date: beyond the clock
SELECT CAST(MAX(CASE WHEN "At" <= DATE('2026-03-29') THEN "At" END) AS CHAR(10)) AS greatest, COUNT(CASE WHEN "At" > DATE('2026-03-29') THEN 1 END) AS later FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "At" >= DATE('2026-03-28')

-- smallint: reach
SELECT TRIM(CAST(MAX("At") AS CHAR(40))) AS greatest, 0 AS ahead, CAST(NULL AS CHAR(1)) AS clock, CAST(NULL AS CHAR(1)) AS utc_clock, COUNT(CASE WHEN "At" IS NULL THEN 1 END) AS nulls, COUNT(*) AS row_count FROM "sales"."Orders of ""O'Brien"" [x] `y`"

-- smallint: reach from a position
SELECT TRIM(CAST(MAX("At") AS CHAR(40))) AS greatest, 0 AS ahead, CAST(NULL AS CHAR(1)) AS clock, CAST(NULL AS CHAR(1)) AS utc_clock, COUNT(CASE WHEN "At" IS NULL THEN 1 END) AS nulls, COUNT(*) AS row_count FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "At" >= -7

-- smallint: rows
SELECT CASE WHEN "At" IS NULL OR "At" >= 9223372036854775807 THEN 1 ELSE 0 END AS again FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE ("At" >= -7 AND "At" <= 9223372036854775807) OR "At" IS NULL

-- smallint: order
SELECT "At" AS place FROM "sales"."Orders of ""O'Brien"" [x] `y`"

-- smallint: rows of a backfill
SELECT 1 AS one FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "At" >= -7 AND "At" <= 9223372036854775807 AND "At" < 9223372036854775807

-- char: reach
SELECT MAX("At") AS greatest, 0 AS ahead, CAST(NULL AS CHAR(1)) AS clock, CAST(NULL AS CHAR(1)) AS utc_clock, COUNT(CASE WHEN "At" IS NULL THEN 1 END) AS nulls, COUNT(*) AS row_count FROM "sales"."Orders of ""O'Brien"" [x] `y`"

-- char: reach from a position
SELECT MAX("At") AS greatest, 0 AS ahead, CAST(NULL AS CHAR(1)) AS clock, CAST(NULL AS CHAR(1)) AS utc_clock, COUNT(CASE WHEN "At" IS NULL THEN 1 END) AS nulls, COUNT(*) AS row_count FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "At" >= 'A ''quoted'' one'

-- char: rows
SELECT CASE WHEN "At" IS NULL OR "At" >= 'Zoë\' THEN 1 ELSE 0 END AS again FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE ("At" >= 'A ''quoted'' one' AND "At" <= 'Zoë\') OR "At" IS NULL

-- char: rows of a backfill
SELECT 1 AS one FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "At" >= 'A ''quoted'' one' AND "At" <= 'Zoë\' AND "At" < 'Zoë\'

-- first reach, initial value, NULL counted
SELECT TRIM(CAST(MAX("At") AS CHAR(29))) AS greatest, CASE WHEN MAX("At") > CURRENT_TIMESTAMP THEN 1 ELSE 0 END AS ahead, TRIM(CAST(CURRENT_TIMESTAMP AS CHAR(29))) AS clock, CAST(NULL AS CHAR(1)) AS utc_clock, COUNT(CASE WHEN "At" IS NULL THEN 1 END) AS nulls, COUNT(*) AS row_count FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE ("At" >= TIMESTAMP('2026-01-01 00:00:00.000000')) OR "At" IS NULL

-- reach, NULL counted
SELECT TRIM(CAST(MAX("At") AS CHAR(29))) AS greatest, CASE WHEN MAX("At") > CURRENT_TIMESTAMP THEN 1 ELSE 0 END AS ahead, TRIM(CAST(CURRENT_TIMESTAMP AS CHAR(29))) AS clock, CAST(NULL AS CHAR(1)) AS utc_clock, COUNT(CASE WHEN "At" IS NULL THEN 1 END) AS nulls, COUNT(*) AS row_count FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE ("At" >= TIMESTAMP('2026-03-29 01:59:59.999999')) OR "At" IS NULL

-- first rows, initial value
SELECT 1 AS one FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "At" >= TIMESTAMP('2026-01-01 00:00:00.000000') AND "At" <= TIMESTAMP('2026-03-29 02:00:00.123456')

-- rows, open, future included
SELECT 1 AS one FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "At" >= TIMESTAMP('2026-03-29 01:59:59.999999') AND "At" > TIMESTAMP('2026-03-29 01:59:59.999999') AND "At" >= TIMESTAMP('2026-01-01 00:00:00.000000') AND ("At" <= TIMESTAMP('2026-03-29 02:00:00.123456') OR "At" > TIMESTAMP('2026-03-29 02:00:00.123456'))

-- repeats
SELECT MAX(repeated) AS most FROM (SELECT COUNT(*) AS repeated FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE "At" >= TIMESTAMP('2026-03-29 01:59:59.999999') AND "At" >= TIMESTAMP('2026-01-01 00:00:00.000000') AND "At" <= TIMESTAMP('2026-03-29 02:00:00.123456') GROUP BY "At") counted

-- no rows
SELECT 1 AS one FROM "sales"."Orders of ""O'Brien"" [x] `y`" WHERE 1 = 0
