-- Payments, their attempts, and everything seen of them.
--
-- Rows of one payment are written together by single statements that name their parent, so no foreign keys run
-- between these tables (they cost 12 % of the hot path).
--
-- Half of each page of payments and attempts is left free: a batch moves all rows of a page in one statement, and the
-- new versions fit beside the old ones. A payment then never touches its indexes again; on pages four fifths full every
-- second change wrote to all of them. It costs a fifth more of disk for payments, and nothing for attempts.

CREATE TABLE payment (
    client_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    mode          text        NOT NULL CHECK (mode IN ('test', 'live')),
    service       text        NOT NULL,
    external_id   text        NOT NULL,
    amount        bigint      NOT NULL CHECK (amount > 0),   -- in the currency's unit: whole rupiah, or sen
    currency      text        NOT NULL,
    destination   text        NOT NULL,                      -- neutral code, such as BCA
    sender_id     text,
    receiver      bytea       NOT NULL,                      -- sealed JSON: name, account number, remark
    receiver_hash bytea       NOT NULL,                      -- keyed hash of destination and account, to find it again
    metadata      text,
    status        text        NOT NULL CHECK (status IN ('PROCESSING', 'PENDING', 'SUCCESS', 'FAILED', 'EXPIRED', 'REVERSED')),
    evidence      text        NOT NULL,                      -- of the current attempt
    version       integer     NOT NULL,                      -- every advance moves it
    attempt       smallint    NOT NULL,                      -- number of the current attempt
    unknown_since timestamptz,
    possible_duplicate_of uuid,
    reason_code   text,
    reason        text,
    send_until    timestamptz NOT NULL,                      -- after it nothing is sent or re-sent by itself
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    final_at      timestamptz,
    PRIMARY KEY (client_id, id),
    UNIQUE (client_id, mode, external_id)                    -- for ever
) WITH (fillfactor = 50);

CREATE INDEX payment_listed ON payment (client_id, mode, id);
CREATE INDEX payment_same_receiver ON payment (client_id, receiver_hash, created_at);
CREATE INDEX payment_in_doubt ON payment (client_id, unknown_since) INCLUDE (mode, currency, amount)
    WHERE unknown_since IS NOT NULL;

CREATE TABLE attempt (
    client_id     uuid        NOT NULL,
    payment_id    uuid        NOT NULL,
    number        smallint    NOT NULL,
    mode          text        NOT NULL,
    connection_id uuid        NOT NULL,
    provider      text        NOT NULL,
    identity      text        NOT NULL,            -- frozen: polls and re-sends ask as this account
    reference     text        NOT NULL,            -- frozen: what the provider knows it by
    frozen        bytea       NOT NULL,            -- sealed JSON of the order as it is sent
    fee           bigint      NOT NULL CHECK (fee >= 0),
    tax           bigint      NOT NULL CHECK (tax >= 0),
    why           text        NOT NULL,            -- JSON: why this connection, and why not the others
    state         text        NOT NULL CHECK (state IN ('prepared', 'sent', 'not_sent', 'refused', 'accepted', 'unknown', 'paid', 'failed', 'reversed')),
    sends         smallint    NOT NULL DEFAULT 0,  -- claims of a send; more than one means re-sends
    accepted      boolean     NOT NULL DEFAULT false, -- the provider said once that it took the order
    polls         integer     NOT NULL DEFAULT 0,
    not_found     smallint    NOT NULL DEFAULT 0,  -- status answers in a row that did not know the reference
    not_found_at  timestamptz,                     -- the first of them
    polled_at     timestamptz,
    sent_at       timestamptz,                     -- the last send
    next_try_at   timestamptz,
    leased_until  timestamptz,
    provider_ref  text,
    code          text,                            -- the provider's last word
    message       text,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    PRIMARY KEY (client_id, payment_id, number),
    UNIQUE (client_id, connection_id, reference)
) WITH (fillfactor = 50);

-- Never pay twice: at most one attempt of a payment may have, or may yet get, the money.
CREATE UNIQUE INDEX attempt_one_live ON attempt (client_id, payment_id)
    WHERE state IN ('prepared', 'sent', 'accepted', 'unknown', 'paid', 'reversed');
CREATE INDEX attempt_to_send ON attempt (client_id, connection_id, next_try_at) WHERE state = 'prepared';
CREATE INDEX attempt_to_ask ON attempt (client_id, connection_id, next_try_at) WHERE state IN ('sent', 'accepted', 'unknown');

CREATE TABLE observation (
    client_id    uuid        NOT NULL,
    payment_id   uuid        NOT NULL,
    id           uuid        NOT NULL,
    attempt      smallint    NOT NULL,
    kind         text        NOT NULL,   -- answer, status, callback, operator, engine
    seen_at      timestamptz NOT NULL,
    verdict      text        NOT NULL,
    code         text,
    message      text,
    raw          text,                   -- what came, secrets and personal data masked
    PRIMARY KEY (client_id, payment_id, id)
);

-- A contradiction that people must close. One open row per kind and attempt, however often it is seen.
CREATE TABLE exception (
    client_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    payment_id   uuid        NOT NULL,
    attempt      smallint    NOT NULL,
    kind         text        NOT NULL,
    detail       text        NOT NULL,
    amount       bigint      NOT NULL,
    observations uuid[]      NOT NULL,
    status       text        NOT NULL DEFAULT 'OPEN' CHECK (status IN ('OPEN', 'CLOSED')),
    opened_at    timestamptz NOT NULL,
    closed_at    timestamptz,
    PRIMARY KEY (client_id, id)
);
CREATE UNIQUE INDEX exception_open ON exception (client_id, payment_id, attempt, kind) WHERE status = 'OPEN';

-- An operator's word on an unknown attempt or an exception: proposed by one person, approved by another.
CREATE TABLE resolution (
    client_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    payment_id   uuid        NOT NULL,
    exception_id uuid,
    outcome      text        NOT NULL,
    reason       text        NOT NULL,
    document     text        NOT NULL,   -- where the proof is kept: a link or a reference number
    proposed_by  text        NOT NULL,
    proposed_at  timestamptz NOT NULL,
    approved_by  text,
    approved_at  timestamptz,
    PRIMARY KEY (client_id, id),
    CHECK (approved_by IS DISTINCT FROM proposed_by)
);
CREATE UNIQUE INDEX resolution_open ON resolution (client_id, payment_id) WHERE approved_at IS NULL;

-- The rows of calls that must not happen twice. Kept for ever for money.
CREATE TABLE idempotency (
    client_id   uuid        NOT NULL,
    mode        text        NOT NULL,
    key         text        NOT NULL,
    route       text        NOT NULL,
    body_hash   bytea       NOT NULL,
    resource_id uuid        NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (client_id, mode, key)
);
