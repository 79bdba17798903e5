-- The books: double entry, one row a line. A line names both its accounts, so it cannot be out of balance.
--
-- Accounts: provider (the client's balance there), in_transit, paid_out, fee, tax, suspense. A balance is the sum of
-- debits less credits; provider falls when money leaves. Lines are never changed.

CREATE TABLE ledger_line (
    client_id     uuid        NOT NULL,
    payment_id    uuid        NOT NULL,
    attempt       smallint    NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('sent', 'freed', 'paid', 'reversed', 'suspense', 'resolved')),
    line          text        NOT NULL CHECK (line IN ('Transfer', 'Fee', 'Tax')),
    part          smallint    NOT NULL DEFAULT 0,               -- one attempt can be contradicted and resolved more than once
    connection_id uuid        NOT NULL,
    mode          text        NOT NULL,
    debit         text        NOT NULL,
    credit        text        NOT NULL,
    amount        bigint      NOT NULL CHECK (amount > 0),
    currency      text        NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (client_id, payment_id, attempt, kind, line, part),   -- each of them once
    CHECK (part = 0 OR kind IN ('suspense', 'resolved')),
    CHECK (debit <> credit)
);
CREATE INDEX ledger_line_time ON ledger_line USING brin (created_at);

-- Balances at the end of a day (00:00 WIB), so that a sum need not begin at the beginning.
CREATE TABLE ledger_snapshot (
    client_id     uuid        NOT NULL,
    mode          text        NOT NULL,
    connection_id uuid        NOT NULL,
    account       text        NOT NULL,
    currency      text        NOT NULL,
    until         timestamptz NOT NULL,   -- lines created before this instant are in
    balance       bigint      NOT NULL,
    PRIMARY KEY (client_id, mode, connection_id, account, currency, until)
);
