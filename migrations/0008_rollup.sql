-- What happened, by the hour: what Home shows. Sums of rows that stand elsewhere, made by one worker and never by the
-- statements that move payments; `paystrator rollups rebuild` makes them anew at any time.

-- A payment counts in the hour it began (by its event), at the connection it was first prepared for; and in the hour it
-- ended, with all its attempts, each at its own connection. What ends later than it began is in two rows for that.
CREATE TABLE payment_hour (
    client_id       uuid        NOT NULL,
    mode            text        NOT NULL,
    hour            timestamptz NOT NULL,
    connection_id   uuid        NOT NULL,
    service         text        NOT NULL,
    currency        text        NOT NULL,
    begun           bigint      NOT NULL,
    begun_amount    bigint      NOT NULL,
    paid            bigint      NOT NULL,
    paid_amount     bigint      NOT NULL,
    failed          bigint      NOT NULL,
    failed_amount   bigint      NOT NULL,
    reversed        bigint      NOT NULL,
    reversed_amount bigint      NOT NULL,
    not_sent        bigint      NOT NULL,   -- attempts of payments that ended in this hour, by what freed them
    refused         bigint      NOT NULL,
    broken          bigint      NOT NULL,   -- taken by the provider, and failed there
    fees            bigint      NOT NULL,
    taxes           bigint      NOT NULL,
    latency         bigint[]    NOT NULL,   -- of attempts that paid, from prepared to paid: a count for each step of domain/latency.rs
    PRIMARY KEY (client_id, mode, hour, connection_id, service, currency)
);

-- Deliveries by the hour they ended in.
CREATE TABLE delivery_hour (
    client_id   uuid        NOT NULL,
    endpoint_id uuid        NOT NULL,
    hour        timestamptz NOT NULL,
    first_time  bigint      NOT NULL,   -- delivered at the first try
    retried     bigint      NOT NULL,   -- delivered at a later one
    failed      bigint      NOT NULL,
    PRIMARY KEY (client_id, endpoint_id, hour)
);

-- How far the sums have come: every row written by a transaction below `xact` is in them once, and no other row is.
-- Who sums up holds this row until the commit.
CREATE TABLE rollup_position (
    name         text        PRIMARY KEY,
    xact         bigint      NOT NULL,
    complete_at  timestamptz,            -- all that was committed before is in
    goal_xact    bigint      NOT NULL,   -- once xact is here,
    goal_at      timestamptz             -- all that was committed before this is in
);
INSERT INTO rollup_position (name, xact, goal_xact) VALUES ('hours', 0, 0);
