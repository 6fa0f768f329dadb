-- tables
SELECT TABLE_SCHEMA AS table_schema, TABLE_NAME AS table_name, CASE WHEN TABLE_SCHEMA = 'dbo' THEN 1 ELSE 0 END AS is_default FROM INFORMATION_SCHEMA.TABLES

-- columns
SELECT COLUMN_NAME AS column_name, DATA_TYPE AS data_type, ORDINAL_POSITION AS place FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = N'sales' AND TABLE_NAME = N'Orders of "O''Brien" [x] `y`'

-- primary key
SELECT k.COLUMN_NAME AS column_name, k.ORDINAL_POSITION AS place FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS c JOIN INFORMATION_SCHEMA.KEY_COLUMN_USAGE k ON k.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA AND k.CONSTRAINT_NAME = c.CONSTRAINT_NAME WHERE c.CONSTRAINT_TYPE = 'PRIMARY KEY' AND c.TABLE_SCHEMA = N'sales' AND c.TABLE_NAME = N'Orders of "O''Brien" [x] `y`'

-- extent
SELECT COUNT_BIG(*) AS row_count, MIN([Id]) AS least, MAX([Id]) AS greatest FROM [sales].[Orders of "O'Brien" [x]] `y`]

-- extent of a part
SELECT COUNT_BIG(*) AS row_count FROM [sales].[Orders of "O'Brien" [x]] `y`] WHERE [Id] > 7

-- buckets
SELECT COUNT_BIG(*) AS row_count, MIN(k) AS least, MAX(k) AS greatest FROM (SELECT [Id] AS k, CASE WHEN [Id] < 10 THEN 0 WHEN [Id] < 20 THEN 1 ELSE 2 END AS bucket FROM [sales].[Orders of "O'Brien" [x]] `y`] WHERE [Id] >= 1 AND [Id] <= 29) counted GROUP BY bucket

-- select
SELECT [Id], [Full Name], [Price], [Free], DATEDIFF(day, '19700101', [Born]) AS [Born], [At], [Exact], [Zoned], [Hour] FROM [sales].[Orders of "O'Brien" [x]] `y`]

-- select a part
SELECT [Id], [Full Name] FROM [sales].[Orders of "O'Brien" [x]] `y`] WHERE [Id] > 7

-- a column of type hierarchyid
SELECT [X].ToString() AS [X] FROM [sales].[Orders of "O'Brien" [x]] `y`]

-- a column of type geography
SELECT [X].ToString() AS [X] FROM [sales].[Orders of "O'Brien" [x]] `y`]

-- a column of type geometry
SELECT [X].ToString() AS [X] FROM [sales].[Orders of "O'Brien" [x]] `y`]

-- a column of type sql_variant
SELECT CAST([X] AS NVARCHAR(4000)) AS [X] FROM [sales].[Orders of "O'Brien" [x]] `y`]

-- a column of type xml
SELECT CAST([X] AS NVARCHAR(MAX)) AS [X] FROM [sales].[Orders of "O'Brien" [x]] `y`]

-- landed as text
--   Free: a decimal of more digits than Spark's 38
--   Exact: a moment of seven digits, Spark's have six
--   Hour: a time of day: Spark has no such type
