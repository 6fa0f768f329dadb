-- :rows customers, made by the server itself: the columns of infra/sql/01_tables.sql, and rows that satisfy its rules.
-- h is a number without a pattern: made from n, the same in each run. The newest rows were updated just now.
DROP TABLE IF EXISTS Customers;
CREATE UNLOGGED TABLE Customers (
    "CustomerId" INT NOT NULL,
    "FirstName" VARCHAR(100) NOT NULL,
    "LastName" VARCHAR(100) NOT NULL,
    "Email" VARCHAR(320) NOT NULL,
    "Phone" VARCHAR(32),
    "AddressLine" VARCHAR(200),
    "City" VARCHAR(100),
    "StateProvince" VARCHAR(100),
    "PostalCode" VARCHAR(20),
    "CountryCode" CHAR(2) NOT NULL,
    "DateOfBirth" DATE,
    "CreditLimit" DECIMAL(12, 2),
    "IsActive" BOOLEAN NOT NULL,
    "CreatedAt" TIMESTAMP(3) NOT NULL,
    "UpdatedAt" TIMESTAMP(3) NOT NULL
);
INSERT INTO Customers
SELECT
    n,
    (ARRAY['Aarav', 'Emma', '丽', 'Ольга', 'James', 'Priya', 'Noël', 'Anastasia', 'Søren', 'María José'])[h % 10 + 1],
    (ARRAY['Sharma', 'Smith', '王', 'Иванова', 'Brown', 'Patel', 'O''Neill', 'Grüber-Lindström'])[h / 10 % 8 + 1],
    'customer.' || n || '@' || (ARRAY['example.com', 'mail.example.org', 'example.co.in'])[h / 80 % 3 + 1],
    CASE WHEN h % 7 > 0 THEN '+1-202-555-' || lpad((h / 7 % 10000)::text, 4, '0') END,
    CASE WHEN h % 11 > 0 THEN h % 9000 + 1 || ' ' || (ARRAY['Market Street', 'Rue de l''Église', 'MG Road'])[h % 3 + 1] END,
    (ARRAY['Mumbai', 'Chicago', 'Leeds', 'Shanghai', 'Казань'])[h % 5 + 1],
    CASE WHEN h % 4 > 0 THEN (ARRAY['Maharashtra', 'Illinois', 'West Yorkshire', '上海', 'Tatarstan'])[h % 5 + 1] END,
    lpad((h % 1000000)::text, 6, '0'),
    (ARRAY['IN', 'US', 'GB', 'CN', 'RU'])[h % 5 + 1],
    CASE WHEN h % 13 > 0 THEN DATE '1935-01-01' + h % 26000 END,
    CASE WHEN h % 9 > 0 THEN h % 10000000 / 100.0 END,
    h % 10 > 0,
    created,
    created + (localtimestamp - created) * (h % 1000 / 1000.0)
FROM (
    SELECT
        n,
        hashint4(n) & 2147483647 AS h,
        TIMESTAMP '2020-01-01' + (localtimestamp - TIMESTAMP '2020-01-01') * (n / :rows.0) AS created
    FROM generate_series(1, :rows) AS n
) AS numbers;
ALTER TABLE Customers ADD PRIMARY KEY ("CustomerId");
VACUUM (ANALYZE) Customers;
