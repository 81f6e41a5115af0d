ALTER TABLE orders
    ADD COLUMN status text NOT NULL DEFAULT 'placed',
    ADD COLUMN cancelled_at timestamptz,
    ADD CONSTRAINT orders_status_known CHECK (status IN ('placed', 'cancelled')),
    ADD CONSTRAINT orders_cancelled_has_time CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL));
