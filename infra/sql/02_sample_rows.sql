-- Sample rows: customers 1 to 1000 and products 1 to 200, made from their numbers alone. Safe to run again: only missing rows are
-- added, and no row that is there is changed. Not for a database that holds real customers.
INSERT INTO dbo.Customers (
    CustomerId, FirstName, LastName, Email, Phone, AddressLine, City, StateProvince, PostalCode, CountryCode,
    DateOfBirth, CreditLimit, IsActive, CreatedAt, UpdatedAt
)
SELECT
    n.value,
    CHOOSE(n.value % 8 + 1, N'Aarav', N'Emma', N'Li', N'Olga', N'James', N'Priya', N'Noah', N'Anastasia'),
    CHOOSE(n.value % 7 + 1, N'Sharma', N'Smith', N'Wang', N'Ivanova', N'Brown', N'Patel', N'Johnson'),
    CONCAT(N'customer', n.value, N'@example.com'),
    CONCAT(N'+1-202-555-', RIGHT(CONCAT('0000', n.value), 4)),
    CONCAT(n.value, N' Market Street'),
    CHOOSE(n.value % 5 + 1, N'Mumbai', N'Chicago', N'Leeds', N'Shanghai', N'Kazan'),
    CHOOSE(n.value % 5 + 1, N'Maharashtra', N'Illinois', N'West Yorkshire', N'Shanghai', N'Tatarstan'),
    RIGHT(CONCAT('000000', n.value * 37), 6),
    CHOOSE(n.value % 5 + 1, 'IN', 'US', 'GB', 'CN', 'RU'),
    DATEADD(DAY, n.value * 17, CAST('1950-01-01' AS DATE)),
    CAST(n.value % 100 * 250 AS DECIMAL(12, 2)),
    CASE WHEN n.value % 10 = 0 THEN 0 ELSE 1 END,
    DATEADD(HOUR, n.value, CAST('2024-01-01' AS DATETIME2(3))),
    DATEADD(HOUR, n.value * 2, CAST('2024-01-01' AS DATETIME2(3)))
FROM GENERATE_SERIES(1, 1000) AS n
WHERE NOT EXISTS (SELECT 1 FROM dbo.Customers AS existing WHERE existing.CustomerId = n.value);
GO

INSERT INTO dbo.Products (
    ProductId, Sku, Name, Category, Description, UnitPrice, CurrencyCode, StockQuantity, WeightKg, IsDiscontinued,
    CreatedAt, UpdatedAt
)
SELECT
    n.value,
    CONCAT(N'SKU-', RIGHT(CONCAT('00000', n.value), 5)),
    CONCAT(CHOOSE(n.value % 4 + 1, N'Lamp', N'Chair', N'Desk', N'Shelf'), N' ', n.value),
    CHOOSE(n.value % 4 + 1, N'Lighting', N'Seating', N'Tables', N'Storage'),
    CONCAT(N'Sample product ', n.value),
    CAST(n.value * 3.99 AS DECIMAL(10, 2)),
    CHOOSE(n.value % 3 + 1, 'USD', 'EUR', 'INR'),
    n.value * 7 % 500,
    CAST(0.250 + n.value % 40 AS DECIMAL(8, 3)),
    CASE WHEN n.value % 20 = 0 THEN 1 ELSE 0 END,
    DATEADD(HOUR, n.value, CAST('2024-01-01' AS DATETIME2(3))),
    DATEADD(HOUR, n.value * 2, CAST('2024-01-01' AS DATETIME2(3)))
FROM GENERATE_SERIES(1, 200) AS n
WHERE NOT EXISTS (SELECT 1 FROM dbo.Products AS existing WHERE existing.ProductId = n.value);
GO
