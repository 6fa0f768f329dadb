"""What the landing, the countries, the expressions and the deployer take, beside others: `make bench`."""
