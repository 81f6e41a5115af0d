"""shop: products and orders over HTTP, kept in PostgreSQL."""
