"""A spreadsheet as account, opportunity and campaign objects: one tab a stream, one row a record."""
