-- :rows orders of eight columns, whose cursor is indexed; no two rows have the same.
DROP TABLE IF EXISTS orders;
CREATE UNLOGGED TABLE orders (
    id BIGINT NOT NULL,
    modified TIMESTAMP NOT NULL,
    customer VARCHAR(40) NOT NULL,
    city VARCHAR(40),
    cents BIGINT NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    is_paid BOOLEAN NOT NULL,
    ordered_on DATE NOT NULL
);
INSERT INTO orders
SELECT
    n,
    TIMESTAMP '2025-01-01' + n * INTERVAL '1 second',
    'customer ' || (n * 7919 % 1000003),
    (ARRAY['Bengaluru', 'Łódź', '上海', 'Austin', NULL])[(n % 5)::int + 1],
    n * 104729 % 1000000,
    n * 15485863 % 1000 / 7.0,
    n % 3 = 0,
    DATE '2025-01-01' + (n % 300)::int
FROM generate_series(1::bigint, :rows) AS n;
ALTER TABLE orders ADD PRIMARY KEY (id);
CREATE INDEX ON orders (modified);
ANALYZE orders;
