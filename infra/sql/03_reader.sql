-- The pipelines' user: reads the two tables, and nothing else. Safe to run again.
-- sqlcmd variable: PipelineApplicationId, the application id of the pipelines' service principal.
-- The SID is made from that id, so neither the server nor whoever runs this needs a right in the Entra directory.
DECLARE @sid VARCHAR(85) = CONVERT(VARCHAR(85), CAST(CAST('$(PipelineApplicationId)' AS UNIQUEIDENTIFIER) AS VARBINARY(16)), 1);

-- After the application was made anew, the user of the old one would keep the name and let no one in.
IF EXISTS (
    SELECT 1 FROM sys.database_principals
    WHERE name = N'ingestion-reader' AND sid <> CONVERT(VARBINARY(85), @sid, 1)
)
    DROP USER [ingestion-reader];

IF DATABASE_PRINCIPAL_ID(N'ingestion-reader') IS NULL
    EXEC (N'CREATE USER [ingestion-reader] WITH SID = ' + @sid + N', TYPE = E');
GO

GRANT SELECT ON OBJECT::dbo.Customers TO [ingestion-reader];
GRANT SELECT ON OBJECT::dbo.Products TO [ingestion-reader];
GO
