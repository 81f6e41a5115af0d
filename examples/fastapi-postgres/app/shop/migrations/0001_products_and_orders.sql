CREATE TABLE products (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku         text        NOT NULL,
    name        text        NOT NULL,
    price_cents bigint      NOT NULL,
    stock       integer     NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT products_sku_unique      UNIQUE (sku),
    CONSTRAINT products_sku_form        CHECK (sku ~ '^[A-Z0-9]{2,12}(-[A-Z0-9]{1,12}){0,3}$'),
    CONSTRAINT products_name_length     CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT products_price_positive  CHECK (price_cents > 0),
    CONSTRAINT products_stock_not_below CHECK (stock >= 0)
);

CREATE TABLE orders (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer    text        NOT NULL,
    total_cents bigint      NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT orders_customer_length CHECK (length(customer) BETWEEN 1 AND 200),
    CONSTRAINT orders_total_positive  CHECK (total_cents > 0)
);

CREATE TABLE order_lines (
    order_id         bigint  NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    product_id       bigint  NOT NULL REFERENCES products (id) ON DELETE RESTRICT,
    quantity         integer NOT NULL,
    unit_price_cents bigint  NOT NULL,
    PRIMARY KEY (order_id, product_id),
    CONSTRAINT order_lines_quantity_positive CHECK (quantity > 0),
    CONSTRAINT order_lines_price_positive    CHECK (unit_price_cents > 0)
);
