-- One batch of new payments: an input whose key or externalId is taken falls out at `fresh` or `pay`.
WITH input AS (
    SELECT * FROM UNNEST(
        $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
        $9::text[], $10::bytea[], $11::bytea[], $12::text[], $13::timestamptz[], $14::uuid[], $15::text[],
        $16::text[], $17::text[], $18::bytea[], $19::bigint[], $20::bigint[], $21::text[],
        $22::timestamptz[], $23::uuid[], $24::text[], $25::text[], $26::text[], $27::bytea[],
        $28::timestamptz[]
    ) AS t(
        client_id, id, mode, service, external_id, amount, currency, destination,
        sender_id, receiver, receiver_hash, metadata, send_until, connection_id, provider,
        identity, reference, frozen, fee, tax, why,
        next_try_at, event_id, event_body, idem_key, idem_route, idem_hash, created_at)
), fresh AS (
    SELECT i.* FROM input i
    WHERE i.idem_key IS NULL OR NOT EXISTS (
        SELECT FROM idempotency k
        WHERE k.client_id = i.client_id AND k.mode = i.mode AND k.key = i.idem_key)
), twin AS MATERIALIZED (
    -- The same receiver and amount earlier in this batch, which the look into the table below cannot see. Worked out once
    -- for the batch, not again for each of its rows.
    SELECT w.id, w.earlier FROM (
        SELECT f.client_id, f.mode, f.id, lag(f.id) OVER same AS earlier, lag(f.external_id) OVER same AS external_id
        FROM fresh f
        WINDOW same AS (PARTITION BY f.client_id, f.mode, f.currency, f.receiver_hash, f.amount
                        ORDER BY f.created_at, f.id)
    ) w
    -- One whose externalId is taken will not be written, so nobody can be its duplicate.
    WHERE w.earlier IS NOT NULL AND NOT EXISTS (
        SELECT FROM payment p
        WHERE p.client_id = w.client_id AND p.mode = w.mode AND p.external_id = w.external_id)
), pay AS (
    INSERT INTO payment (client_id, id, mode, service, external_id, amount, currency, destination, sender_id,
        receiver, receiver_hash, metadata, status, evidence, version, attempt, possible_duplicate_of,
        send_until, created_at, updated_at)
    SELECT f.client_id, f.id, f.mode, f.service, f.external_id, f.amount, f.currency, f.destination,
        f.sender_id, f.receiver, f.receiver_hash, f.metadata, 'PROCESSING', 'prepared', 1, 1,
        COALESCE((SELECT t.earlier FROM twin t WHERE t.id = f.id), (SELECT d.id FROM payment d
         WHERE d.client_id = f.client_id AND d.receiver_hash = f.receiver_hash
           AND d.created_at > $29::timestamptz - interval '24 hours'
           AND d.amount = f.amount AND d.mode = f.mode AND d.currency = f.currency
         ORDER BY d.created_at DESC LIMIT 1)),
        f.send_until, f.created_at, f.created_at
    FROM fresh f ORDER BY f.client_id, f.external_id
    ON CONFLICT DO NOTHING
    RETURNING client_id, id, possible_duplicate_of
), att AS (
    INSERT INTO attempt (client_id, payment_id, number, mode, connection_id, provider, identity, reference,
        frozen, fee, tax, why, state, next_try_at, created_at, updated_at)
    SELECT f.client_id, f.id, 1, f.mode, f.connection_id, f.provider, f.identity, f.reference,
        f.frozen, f.fee, f.tax, f.why, 'prepared', f.next_try_at, f.created_at, f.created_at
    FROM fresh f JOIN pay ON pay.client_id = f.client_id AND pay.id = f.id
), ev AS (
    INSERT INTO event (client_id, id, mode, payment_id, version, type, body, created_at)
    SELECT f.client_id, f.event_id, f.mode, f.id, 1, 'payment.processing', f.event_body, f.created_at
    FROM fresh f JOIN pay ON pay.client_id = f.client_id AND pay.id = f.id
    RETURNING client_id, id, mode, type
), told AS (
    INSERT INTO delivery (client_id, event_id, endpoint_id, next_try_at, created_at, updated_at)
    SELECT ev.client_id, ev.id, e.id, $29, $29, $29
    FROM ev JOIN endpoint e ON e.client_id = ev.client_id AND e.mode = ev.mode
        AND e.status = 'ACTIVE' AND ev.type = ANY (e.events)
), idem AS (
    INSERT INTO idempotency (client_id, mode, key, route, body_hash, resource_id, created_at)
    SELECT f.client_id, f.mode, f.idem_key, f.idem_route, f.idem_hash, f.id, f.created_at
    FROM fresh f JOIN pay ON pay.client_id = f.client_id AND pay.id = f.id
    WHERE f.idem_key IS NOT NULL
)
SELECT id AS "id!", possible_duplicate_of FROM pay
