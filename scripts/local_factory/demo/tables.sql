-- The tables of the demo database, for Apache Derby. infra/sql/ has the same ones for Azure SQL.
-- Column names are quoted so that they keep their capitals; table names are not, so that any spelling finds them.

CREATE TABLE Customers (
    "CustomerId" INT NOT NULL CONSTRAINT PK_Customers PRIMARY KEY,
    "FirstName" VARCHAR(100) NOT NULL,
    "LastName" VARCHAR(100) NOT NULL,
    "Email" VARCHAR(320) NOT NULL CONSTRAINT UQ_Customers_Email UNIQUE,
    "Phone" VARCHAR(32),
    "AddressLine" VARCHAR(200),
    "City" VARCHAR(100),
    "StateProvince" VARCHAR(100),
    "PostalCode" VARCHAR(20),
    "CountryCode" CHAR(2) NOT NULL,
    "DateOfBirth" DATE,
    "CreditLimit" DECIMAL(12, 2),
    "IsActive" BOOLEAN NOT NULL,
    "CreatedAt" TIMESTAMP NOT NULL,
    "UpdatedAt" TIMESTAMP NOT NULL,
    CONSTRAINT CK_Customers_Email CHECK ("Email" LIKE '%_@_%'),
    CONSTRAINT CK_Customers_CountryCode CHECK ("CountryCode" = UPPER("CountryCode")),
    CONSTRAINT CK_Customers_CreditLimit CHECK ("CreditLimit" >= 0),
    CONSTRAINT CK_Customers_UpdatedAt CHECK ("UpdatedAt" >= "CreatedAt")
);

CREATE TABLE Products (
    "ProductId" INT NOT NULL CONSTRAINT PK_Products PRIMARY KEY,
    "Sku" VARCHAR(40) NOT NULL CONSTRAINT UQ_Products_Sku UNIQUE,
    "Name" VARCHAR(200) NOT NULL,
    "Category" VARCHAR(100) NOT NULL,
    "Description" VARCHAR(2000),
    "UnitPrice" DECIMAL(10, 2) NOT NULL,
    "CurrencyCode" CHAR(3) NOT NULL,
    "StockQuantity" INT NOT NULL,
    "WeightKg" DECIMAL(8, 3),
    "IsDiscontinued" BOOLEAN NOT NULL,
    "CreatedAt" TIMESTAMP NOT NULL,
    "UpdatedAt" TIMESTAMP NOT NULL,
    CONSTRAINT CK_Products_UnitPrice CHECK ("UnitPrice" >= 0),
    CONSTRAINT CK_Products_CurrencyCode CHECK ("CurrencyCode" = UPPER("CurrencyCode")),
    CONSTRAINT CK_Products_StockQuantity CHECK ("StockQuantity" >= 0),
    CONSTRAINT CK_Products_WeightKg CHECK ("WeightKg" > 0),
    CONSTRAINT CK_Products_UpdatedAt CHECK ("UpdatedAt" >= "CreatedAt")
);
