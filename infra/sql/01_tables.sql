-- The source tables. Safe to run again: a table that is there stays as it is.
IF OBJECT_ID(N'dbo.Customers', N'U') IS NULL
CREATE TABLE dbo.Customers (
    CustomerId INT NOT NULL CONSTRAINT PK_Customers PRIMARY KEY,
    FirstName NVARCHAR(100) NOT NULL,
    LastName NVARCHAR(100) NOT NULL,
    Email NVARCHAR(320) NOT NULL CONSTRAINT UQ_Customers_Email UNIQUE,
    Phone NVARCHAR(32) NULL,
    AddressLine NVARCHAR(200) NULL,
    City NVARCHAR(100) NULL,
    StateProvince NVARCHAR(100) NULL,
    PostalCode NVARCHAR(20) NULL,
    CountryCode CHAR(2) NOT NULL CONSTRAINT CK_Customers_CountryCode CHECK (CountryCode LIKE '[A-Z][A-Z]'),
    DateOfBirth DATE NULL CONSTRAINT CK_Customers_DateOfBirth CHECK (DateOfBirth >= '1900-01-01'),
    CreditLimit DECIMAL(12, 2) NULL CONSTRAINT CK_Customers_CreditLimit CHECK (CreditLimit >= 0),
    IsActive BIT NOT NULL CONSTRAINT DF_Customers_IsActive DEFAULT 1,
    CreatedAt DATETIME2(3) NOT NULL CONSTRAINT DF_Customers_CreatedAt DEFAULT SYSUTCDATETIME(),
    UpdatedAt DATETIME2(3) NOT NULL CONSTRAINT DF_Customers_UpdatedAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT CK_Customers_UpdatedAt CHECK (UpdatedAt >= CreatedAt)
);
GO

IF OBJECT_ID(N'dbo.Products', N'U') IS NULL
CREATE TABLE dbo.Products (
    ProductId INT NOT NULL CONSTRAINT PK_Products PRIMARY KEY,
    Sku NVARCHAR(40) NOT NULL CONSTRAINT UQ_Products_Sku UNIQUE,
    Name NVARCHAR(200) NOT NULL,
    Category NVARCHAR(100) NOT NULL,
    Description NVARCHAR(2000) NULL,
    UnitPrice DECIMAL(10, 2) NOT NULL CONSTRAINT CK_Products_UnitPrice CHECK (UnitPrice >= 0),
    CurrencyCode CHAR(3) NOT NULL CONSTRAINT CK_Products_CurrencyCode CHECK (CurrencyCode LIKE '[A-Z][A-Z][A-Z]'),
    StockQuantity INT NOT NULL CONSTRAINT CK_Products_StockQuantity CHECK (StockQuantity >= 0),
    WeightKg DECIMAL(8, 3) NULL CONSTRAINT CK_Products_WeightKg CHECK (WeightKg > 0),
    IsDiscontinued BIT NOT NULL CONSTRAINT DF_Products_IsDiscontinued DEFAULT 0,
    CreatedAt DATETIME2(3) NOT NULL CONSTRAINT DF_Products_CreatedAt DEFAULT SYSUTCDATETIME(),
    UpdatedAt DATETIME2(3) NOT NULL CONSTRAINT DF_Products_UpdatedAt DEFAULT SYSUTCDATETIME(),
    CONSTRAINT CK_Products_UpdatedAt CHECK (UpdatedAt >= CreatedAt)
);
GO
