-- What providers post to us: stored before it is answered, worked on after.

CREATE TABLE callback (
    client_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    connection_id uuid        NOT NULL,
    received_at   timestamptz NOT NULL,
    source        text        NOT NULL,   -- the address it came from
    body          bytea       NOT NULL,   -- sealed: as it came
    reading       text        NOT NULL,   -- notice, question or refused
    reference     text,
    dedupe        text,                   -- only a verified callback has one
    done_at       timestamptz,
    next_try_at   timestamptz,
    tries         smallint    NOT NULL DEFAULT 0, -- how often a scan took it up
    PRIMARY KEY (client_id, id)
);
CREATE UNIQUE INDEX callback_once ON callback (client_id, connection_id, dedupe) WHERE dedupe IS NOT NULL;
CREATE INDEX callback_due ON callback (client_id, next_try_at) WHERE done_at IS NULL;
-- The story of a payment tells the calls about it.
CREATE INDEX callback_about ON callback (client_id, connection_id, reference) WHERE reference IS NOT NULL;
