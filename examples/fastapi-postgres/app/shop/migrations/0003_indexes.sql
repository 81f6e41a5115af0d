-- Which orders hold a product: asked whenever a product is deleted.
CREATE INDEX order_lines_by_product ON order_lines (product_id);

-- The list of a customer's orders, newest first.
CREATE INDEX orders_by_customer ON orders (customer, id DESC);
