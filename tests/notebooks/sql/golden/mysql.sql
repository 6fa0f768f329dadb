-- tables
SELECT TABLE_SCHEMA AS table_schema, TABLE_NAME AS table_name, CASE WHEN TABLE_SCHEMA = DATABASE() THEN 1 ELSE 0 END AS is_default FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')

-- columns
SELECT COLUMN_NAME AS column_name, DATA_TYPE AS data_type, ORDINAL_POSITION AS place FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'sales' AND TABLE_NAME = 'Orders of "O''Brien" [x] `y`'

-- primary key
SELECT COLUMN_NAME AS column_name, ORDINAL_POSITION AS place FROM information_schema.KEY_COLUMN_USAGE WHERE CONSTRAINT_NAME = 'PRIMARY' AND TABLE_SCHEMA = 'sales' AND TABLE_NAME = 'Orders of "O''Brien" [x] `y`'

-- extent
SELECT COUNT(*) AS row_count, MIN(`Id`) AS least, MAX(`Id`) AS greatest FROM `sales`.`Orders of "O'Brien" [x] ``y```

-- extent of a part
SELECT COUNT(*) AS row_count FROM `sales`.`Orders of "O'Brien" [x] ``y``` WHERE `Id` > 7

-- buckets
SELECT COUNT(*) AS row_count, MIN(k) AS least, MAX(k) AS greatest FROM (SELECT `Id` AS k, CASE WHEN `Id` < 10 THEN 0 WHEN `Id` < 20 THEN 1 ELSE 2 END AS bucket FROM `sales`.`Orders of "O'Brien" [x] ``y``` WHERE `Id` >= 1 AND `Id` <= 29) counted GROUP BY bucket

-- select
SELECT `Id`, `Full Name`, `Price`, `Free`, CAST(`Born` AS CHAR) AS `Born`, CAST(`At` AS CHAR) AS `At`, CAST(`Exact` AS CHAR) AS `Exact`, CAST(UNIX_TIMESTAMP(`Zoned`) * 1000000 AS SIGNED) AS `Zoned`, `Hour` FROM `sales`.`Orders of "O'Brien" [x] ``y```

-- select a part
SELECT `Id`, `Full Name` FROM `sales`.`Orders of "O'Brien" [x] ``y``` WHERE `Id` > 7

-- landed as text
--   Free: a decimal of more digits than Spark's 38
--   Hour: a time of day: Spark has no such type
